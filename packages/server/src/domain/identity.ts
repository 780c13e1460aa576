/**
 * Who somebody is: guests with a nickname, who are the same person again when they return with their token; and members
 * of the site that embeds us, whom its tokens name.
 */
import { type Limits, normalizeNickname } from "@duologue/protocol";
import type { Clock } from "../clock.ts";
import type { Bus } from "../ports/bus.ts";
import type { JoinOutcome, Presence, PresentUser } from "../ports/presence.ts";
import type { Store, UserId, UserRecord } from "../ports/store.ts";
import { nameKeys, suggestions } from "./confusables.ts";
import { type Fault, fault, type Outcome, refused } from "./fault.ts";
import type { MemberLogin, Members } from "./host-members.ts";
import { renamedTooOften, type TakeRename } from "./renames.ts";
import type { Tokens } from "./tokens.ts";

export interface Login {
  readonly user: UserRecord;
  readonly session: string;
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Who is let in at all. */
export interface Admission {
  readonly guests: boolean;
  /** Undefined without host login. */
  readonly members: Members | undefined;
}

/** A guest who does not come back for this long is a stranger again. */
const SESSION_MS = 90 * 24 * 3600 * 1000;
/** A returning guest's session is extended when it is older than this, so that not every reconnect writes. */
const EXTEND_AFTER_MS = 24 * 3600 * 1000;
/** More devices than this that rename at the same moment may leave a name shown that another one has replaced, until the next login. */
const NAME_ROUNDS = 8;

export class Identity {
  constructor(
    private readonly store: Store,
    private readonly presence: Presence,
    private readonly bus: Bus,
    private readonly tokens: Tokens,
    private readonly admission: Admission,
    private readonly clock: Clock,
    private readonly limits: Limits,
    private readonly takeRename: TakeRename,
  ) {}

  /** A new guest. On success they are present (one connection more in this worker), and so after `loginWithToken`. */
  async loginAsGuest(nickname: string): Promise<Outcome<Login>> {
    if (!this.admission.guests) return fault("guests_closed");
    const named = normalizeNickname(nickname, this.limits);
    if (!named.ok) return fault("nickname_invalid", { detail: named.problem });
    const now = this.clock.now();
    const user: UserRecord = {
      id: `u_${this.clock.randomId()}`,
      name: named.name,
      kind: "guest",
      createdAt: now,
    };
    const refusal = await this.join(user);
    if (refusal !== undefined) return refusal;
    const session = `s_${this.clock.randomId()}`;
    const expiresAt = now + SESSION_MS;
    // Asked in one turn, so the store commits them together; the second depends on the first.
    const [created, started] = await Promise.all([
      this.store.createUser(user),
      this.store.startSession({ id: session, user: user.id, expiresAt }),
    ]);
    if (!created.ok || !started.ok) {
      this.presence.leave(user.id, true);
      return fault("unavailable", { retryAfterMs: 1_000 });
    }
    return {
      ok: true,
      value: { user, session, expiresAt, token: await this.sign(user.id, session, expiresAt) },
    };
  }

  get takesGuests(): boolean {
    return this.admission.guests;
  }

  async loginWithToken(token: string, nickname: string | undefined): Promise<Outcome<Login>> {
    const { members, guests } = this.admission;
    if (members !== undefined && !this.tokens.isOwn(token)) {
      const login = await members.login(token);
      return login.ok ? { ok: true, value: { ...login.value, token } } : login;
    }
    const check = await this.tokens.verify(token);
    if (!check.ok) return fault(check.reason === "expired" ? "token_expired" : "token_invalid");
    if (!guests) return fault("guests_closed");
    const { claims } = check;
    const record = await this.store.session(claims.session);
    if (record === undefined || record.user.id !== claims.user) return fault("token_invalid");
    if (record.ended) return fault("session_ended");
    let { user } = record;
    if (nickname !== undefined) {
      const named = normalizeNickname(nickname, this.limits);
      if (!named.ok) return fault("nickname_invalid", { detail: named.problem });
      user = { ...user, name: named.name };
    }
    const isRenamed = user.name !== record.user.name;
    const waitMs = isRenamed ? this.takeRename(user.id) : 0;
    if (waitMs > 0) return renamedTooOften(waitMs);
    const refusal = await this.join(user);
    if (refusal !== undefined) return refusal;
    if (isRenamed) {
      const renamed = await this.store.rename(user.id, user.name);
      if (!renamed.ok) this.presence.leave(user.id, true);
      await this.showStored(user.id);
      if (!renamed.ok) return refused(renamed.refusal);
    }
    return { ok: true, value: await this.extend(user, claims.session, claims.expiresAt, token) };
  }

  /**
   * Whether a guest's session was not ended while their login was being decided. Asked when notes already reach the
   * connection: either the note of the end finds it, or this does. If their name was changed meanwhile, it is shown.
   */
  async isStanding({ user, session }: Login): Promise<boolean> {
    if (user.kind !== "guest") return true;
    const known = await this.store.session(session);
    if (known === undefined || known.ended) return false;
    if (this.presence.lobby.get(user.id)?.name !== known.user.name) await this.showStored(user.id);
    return true;
  }

  /** The next token of a member, before the last one ends. */
  async renew(user: UserRecord, token: string): Promise<Outcome<MemberLogin>> {
    const { members } = this.admission;
    if (members === undefined || this.tokens.isOwn(token)) return fault("token_invalid");
    return members.renew(user, token);
  }

  async rename(user: UserRecord, nickname: string): Promise<Outcome<UserRecord>> {
    if (user.kind === "member") return fault("nickname_fixed");
    const named = normalizeNickname(nickname, this.limits);
    if (!named.ok) return fault("nickname_invalid", { detail: named.problem });
    const waitMs = this.takeRename(user.id);
    if (waitMs > 0) return renamedTooOften(waitMs);
    const outcome = await this.presence.rename(user.id, named.name, nameKeys(named.name));
    if (!outcome.ok) return this.nameFault(outcome, named.name);
    const renamed = await this.store.rename(user.id, named.name);
    await this.showStored(user.id);
    return renamed.ok ? { ok: true, value: { ...user, name: named.name } } : refused(renamed.refusal);
  }

  /**
   * Shows a user under the name that is stored, which may be another device's by now, or the one before when the store has
   * refused. Whoever has changed one of the two looks last, and the list holds by then what was changed before.
   */
  private async showStored(id: UserId): Promise<void> {
    for (let round = 0; round < NAME_ROUNDS; round += 1) {
      const [stored, shown] = [await this.store.user(id), this.presence.lobby.get(id)];
      if (stored === undefined || shown === undefined || stored.name === shown.name) return;
      const outcome = await this.presence.rename(id, stored.name, nameKeys(stored.name));
      if (!outcome.ok) return;
    }
  }

  /**
   * Ends the session everywhere: the bus tells every connection of it. A guest's is the store's to end; a member's is the
   * site's, so that only the connections end here.
   */
  async logout(user: UserRecord, session: string): Promise<Outcome<undefined>> {
    if (user.kind === "member") {
      this.bus.publish([user.id], { kind: "session-ended", session });
      return { ok: true, value: undefined };
    }
    const ended = await this.store.endSession(session);
    return ended.ok ? { ok: true, value: undefined } : refused(ended.refusal);
  }

  /** A visitor over the classic protocol, who lives as long as the connection. */
  async loginAsClassic(
    name: string,
    address: string,
  ): Promise<Outcome<{ record: UserRecord; present: PresentUser }>> {
    const record: UserRecord = {
      id: `c_${this.clock.randomId()}`,
      name,
      kind: "classic",
      createdAt: this.clock.now(),
    };
    const joined = await this.presence.join({
      id: record.id,
      name,
      kind: "classic",
      nameKeys: nameKeys(name),
      address,
    });
    if (joined.ok) return { ok: true, value: { record, present: joined.user } };
    return fault(joined.reason === "full" ? "busy" : "unavailable");
  }

  private async join(user: UserRecord): Promise<Fault | undefined> {
    const { id, name, kind } = user;
    const joined = await this.presence.join({ id, name, kind, nameKeys: nameKeys(name), address: undefined });
    return joined.ok ? undefined : this.nameFault(joined, name);
  }

  private async nameFault(outcome: Extract<JoinOutcome, { ok: false }>, name: string): Promise<Fault> {
    if (outcome.reason !== "name_taken") return fault("unavailable", { retryAfterMs: 1_000 });
    const candidates = suggestions(name, this.limits).map((text) => ({
      name: text,
      nameKeys: nameKeys(text),
    }));
    const suggestion = await this.presence.firstFree(candidates);
    return fault("nickname_taken", suggestion === undefined ? {} : { suggestion });
  }

  private async extend(user: UserRecord, session: string, expiresAt: number, token: string): Promise<Login> {
    const now = this.clock.now();
    const wished = now + SESSION_MS;
    if (wished - expiresAt < EXTEND_AFTER_MS) return { user, session, token, expiresAt };
    const extended = await this.store.extendSession(session, wished);
    if (!extended.ok) return { user, session, token, expiresAt };
    return { user, session, expiresAt: wished, token: await this.sign(user.id, session, wished) };
  }

  private sign(user: UserId, session: string, expiresAt: number): Promise<string> {
    return this.tokens.sign({ user, session, expiresAt });
  }
}
