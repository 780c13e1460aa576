/** Host login: tokens (JWT, RFC 7519) that the site which embeds us signs for its own users. Rules HT of SPEC.md. */
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../clock.ts";
import type { HostLogin } from "../ports/host-login.ts";
import type { UserId } from "../ports/store.ts";
import { defaultTimes, KeysUnavailableError, remoteKeys } from "./jwks.ts";

export interface HostClaims {
  readonly user: UserId;
  /** As the site wrote it: not yet checked by the rules of nicknames. */
  readonly name: string;
  /** Names what `logout` ends (HT7). */
  readonly session: string;
  /** The token's `exp`, in milliseconds since 1970. It is taken until HOST_TOLERANCE_MS later. */
  readonly expiresAt: number;
  /** Others of the site whom the token names, each once. */
  readonly peers: readonly HostPeer[];
}

/** Somebody of the site who may never have been here. */
export interface HostPeer {
  readonly user: UserId;
  /** As the site wrote it: not yet checked by the rules of nicknames. */
  readonly name: string;
}

export type HostCheck =
  | { readonly ok: true; readonly claims: HostClaims }
  /** `detail` is for the site's developers; of a token whose signature does not fit it says nothing. */
  | { readonly ok: false; readonly reason: "invalid" | "expired"; readonly detail?: string }
  | { readonly ok: false; readonly reason: "unavailable" };

/** How far the clocks of the site and of this server may differ. */
export const HOST_TOLERANCE_MS = 30_000;
/** A token that lasts longer is refused: whoever finds it later could be that person. */
export const MAX_HOST_TOKEN_MS = 24 * 3600 * 1000;
const MAX_SUBJECT_CHARACTERS = 255;
/** Each may become a row of the store: a token names those who are written to from one page, not a site's register. */
const MAX_HOST_PEERS = 20;

export class HostTokens {
  /** Each way of proof has its own algorithms; what the token's head says chooses among these only. */
  private readonly check: (token: string, options: JWTVerifyOptions) => Promise<JWTPayload>;

  /** `onKeysFault` is told why the JWKS could not be fetched. */
  constructor(
    private readonly login: HostLogin,
    private readonly clock: Clock,
    onKeysFault: (error: unknown) => void,
    times = defaultTimes,
  ) {
    const { key } = login;
    if (key.kind === "secret") {
      const secret = new TextEncoder().encode(key.secret);
      this.check = async (token, options) =>
        (await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })).payload;
    } else {
      const keys = remoteKeys(key.url, clock, onKeysFault, times);
      this.check = async (token, options) =>
        (await jwtVerify(token, keys, { ...options, algorithms: ["RS256", "ES256", "EdDSA"] })).payload;
    }
  }

  /** Never rejects. */
  async verify(token: string): Promise<HostCheck> {
    const { issuer, audience } = this.login;
    try {
      const payload = await this.check(token, {
        requiredClaims: ["sub", "name", "exp"],
        clockTolerance: HOST_TOLERANCE_MS / 1000,
        currentDate: new Date(this.clock.now()),
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      return this.read(token, payload);
    } catch (error) {
      return refusalFor(error);
    }
  }

  /** The signature fits, and so do issuer, audience, `exp` as a past and `nbf`. */
  private read(token: string, { sub, name, iss, exp, iat, sid, jti, peers }: JWTPayload): HostCheck {
    const latest = this.clock.now() + HOST_TOLERANCE_MS;
    if (!isSubject(sub)) return invalid(`sub must be a string of 1 to ${MAX_SUBJECT_CHARACTERS} characters.`);
    if (typeof name !== "string") return invalid("name must be a string.");
    if (iss !== undefined && typeof iss !== "string") return invalid("iss must be a string.");
    if (exp === undefined || exp * 1000 > latest + MAX_HOST_TOKEN_MS)
      return invalid("exp must be at most 24 hours ahead.");
    if (iat !== undefined && iat * 1000 > latest) return invalid("iat lies in the future.");
    const named = readPeers(peers, iss ?? "");
    if (named === undefined)
      return invalid(`peers must be a list of at most ${MAX_HOST_PEERS}, each with sub and name.`);
    const user = userOf(iss ?? "", sub);
    const [kind, value] = sessionOf(token, sid, jti);
    return {
      ok: true,
      claims: {
        user,
        name,
        session: `hs_${digest([user, kind, value])}`,
        expiresAt: Math.floor(exp * 1000),
        peers: named,
      },
    };
  }
}

/** What a token for trying out says (`duologue token`). */
export interface TrialToken {
  readonly sub: string;
  readonly name: string;
  readonly lastsMs: number;
  readonly peers: readonly { readonly sub: string; readonly name: string }[];
}

export function signTrialToken(
  secret: string,
  login: Omit<HostLogin, "key">,
  trial: TrialToken,
  clock: Clock,
): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  const token = new SignJWT({ name: trial.name, ...(trial.peers.length > 0 && { peers: trial.peers }) })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(trial.sub)
    .setIssuedAt(now)
    .setExpirationTime(now + Math.floor(trial.lastsMs / 1000));
  if (login.issuer !== undefined) token.setIssuer(login.issuer);
  if (login.audience !== undefined) token.setAudience(login.audience);
  return token.sign(new TextEncoder().encode(secret));
}

function refusalFor(error: unknown): HostCheck {
  if (error instanceof KeysUnavailableError) return { ok: false, reason: "unavailable" };
  if (error instanceof errors.JWTExpired) return { ok: false, reason: "expired" };
  // Claims are looked at after the signature: who reads this can sign.
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalid(`${error.claim} is missing or not as it must be.`);
  if (error instanceof errors.JWKSMultipleMatchingKeys) return invalid("The token must name its key (kid).");
  return { ok: false, reason: "invalid" };
}

function invalid(detail: string): HostCheck {
  return { ok: false, reason: "invalid", detail };
}

function sessionOf(token: string, sid: unknown, jti: unknown): readonly [kind: string, value: string] {
  if (typeof sid === "string") return ["sid", sid];
  return typeof jti === "string" ? ["jti", jti] : ["token", token];
}

function userOf(issuer: string, subject: string): UserId {
  return `h_${digest([issuer, subject])}`;
}

function isSubject(sub: unknown): sub is string {
  return typeof sub === "string" && sub !== "" && sub.length <= MAX_SUBJECT_CHARACTERS && sub.isWellFormed();
}

/** Of two with the same `sub` the first counts. Undefined when it is not as it must be. */
function readPeers(claim: unknown, issuer: string): readonly HostPeer[] | undefined {
  if (claim === undefined) return [];
  if (!Array.isArray(claim) || claim.length > MAX_HOST_PEERS) return undefined;
  const peers = new Map<UserId, HostPeer>();
  for (const peer of claim as readonly unknown[]) {
    if (typeof peer !== "object" || peer === null || !("sub" in peer) || !("name" in peer)) return undefined;
    const { sub, name } = peer;
    if (!isSubject(sub) || typeof name !== "string") return undefined;
    const user = userOf(issuer, sub);
    if (!peers.has(user)) peers.set(user, { user, name });
  }
  return [...peers.values()];
}

/** 132 bits of SHA-256: enough that nobody finds two that agree. */
function digest(parts: readonly string[]): string {
  return new Bun.CryptoHasher("sha256").update(parts.join("\0")).digest("base64url").slice(0, 22);
}
