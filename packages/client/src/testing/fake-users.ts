/** Who people are to the fake server: guests by a token of its own, members by one of the site's. */
import { defaultLimits, type ErrorCode, normalizeNickname, type User } from "@duologue/protocol";

export interface FakeUser {
  user: User;
  /** A guest's own. */
  readonly token: string;
  position: number;
  /** When they left, while they are away. */
  seenAt: number | undefined;
  /** Every change of theirs, oldest first. */
  readonly log: {
    readonly position: number;
    readonly conversation: string;
    readonly seq: number | undefined;
  }[];
}

export type FakeName =
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly code: ErrorCode; readonly suggestion?: string };

export class FakeUsers {
  readonly byId = new Map<string, FakeUser>();
  /** Tokens that a site has signed, and for whom. */
  readonly #hostTokens = new Map<string, FakeUser>();
  readonly #expired = new Set<string>();
  readonly #ended = new Set<string>();

  create(name: string): FakeUser {
    const id = `u${String(this.byId.size + 1).padStart(15, "0")}`;
    const made: FakeUser = {
      user: { id, name, kind: "guest" },
      token: tokenOf(id, ""),
      position: 0,
      seenAt: undefined,
      log: [],
    };
    this.byId.set(id, made);
    return made;
  }

  /** As a site does; whoever has one is a member. */
  signToken(user: FakeUser): string {
    user.user = { ...user.user, kind: "member" };
    const token = tokenOf(user.user.id, String(this.#hostTokens.size + 1));
    this.#hostTokens.set(token, user);
    return token;
  }

  isHostToken(token: string): boolean {
    return this.#hostTokens.has(token);
  }

  expire(token: string): void {
    this.#expired.add(token);
  }

  isExpired(token: string): boolean {
    return this.#expired.has(token);
  }

  /** A guest's; a site's token is good until it expires (SPEC HT7). */
  end(token: string): void {
    if (!this.isHostToken(token)) this.#ended.add(token);
  }

  /** By SPEC LB4. */
  search(query: string, online: readonly FakeUser[]): (User & { online: boolean })[] {
    const wanted = lookOf(query).trim();
    if (wanted === "") return [];
    return [...this.byId.values()]
      .filter(({ user }) => ` ${lookOf(user.name)}`.includes(` ${wanted}`))
      .map((one) => ({ ...one.user, online: online.includes(one) }))
      .sort((one, other) => Number(other.online) - Number(one.online))
      .slice(0, defaultLimits.searchResults);
  }

  withToken(token: string): FakeUser | ErrorCode {
    if (this.#expired.has(token)) return "token_expired";
    if (this.#ended.has(token)) return "session_ended";
    const found = this.#hostTokens.get(token) ?? [...this.byId.values()].find((one) => one.token === token);
    return found ?? "token_invalid";
  }
}

/**
 * The name as others see it, or why it cannot be had (SPEC NK1–NK4). Of names that look alike, only those that differ in
 * case or form are told; the table of look-alike characters is the server's.
 */
export function checkName(wished: string, taken: readonly string[]): FakeName {
  const normalized = normalizeNickname(wished, defaultLimits);
  if (!normalized.ok) return { ok: false, code: "nickname_invalid" };
  const { name } = normalized;
  const looks = new Set(taken.map(lookOf));
  if (!looks.has(lookOf(name))) return { ok: true, name };
  for (let number = 2; ; number += 1) {
    const suffix = ` ${number}`;
    const start = [...name].slice(0, defaultLimits.nicknameMaxCharacters - suffix.length).join("");
    const suggestion = start.trimEnd() + suffix;
    if (!looks.has(lookOf(suggestion))) return { ok: false, code: "nickname_taken", suggestion };
  }
}

function lookOf(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** Has the form of a token (RFC 7519), and no more of one. */
function tokenOf(user: string, more: string): string {
  const part = (text: string): string =>
    btoa(text).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
  const head = JSON.stringify({ alg: "HS256", typ: "JWT" });
  const payload = JSON.stringify(more === "" ? { sub: user } : { sub: user, jti: more });
  return [head, payload, `the mock server knows ${user} ${more}`].map(part).join(".");
}
