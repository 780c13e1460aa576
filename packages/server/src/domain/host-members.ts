/** Members: users of the site that embeds us, made when first seen with a token of the site. Rules HT of SPEC.md. */
import { type Limits, normalizeNickname } from "@duologue/protocol";
import type { Clock } from "../clock.ts";
import type { Presence } from "../ports/presence.ts";
import type { Refused, Store, UserRecord } from "../ports/store.ts";
import { nameKeys } from "./confusables.ts";
import { fault, type Outcome, refused } from "./fault.ts";
import type { HostClaims, HostPeer, HostTokens } from "./host-tokens.ts";
import { renamedTooOften, type TakeRename } from "./renames.ts";

export interface MemberLogin {
  readonly user: UserRecord;
  readonly session: string;
  /** The token's `exp`, in milliseconds since 1970. */
  readonly expiresAt: number;
}

interface ReadToken {
  readonly claims: HostClaims;
  /** By the rules of nicknames, as those of `peers` are. */
  readonly name: string;
  readonly peers: readonly HostPeer[];
}

const RETRY_MS = 1_000;

export class Members {
  constructor(
    private readonly store: Store,
    private readonly presence: Presence,
    private readonly tokens: HostTokens,
    private readonly clock: Clock,
    private readonly limits: Limits,
    private readonly takeRename: TakeRename,
  ) {}

  /** On success they are present: one connection more in this worker. */
  async login(token: string): Promise<Outcome<MemberLogin>> {
    const read = await this.read(token);
    if (!read.ok) return read;
    const { claims, name, peers } = read.value;
    const [known, made] = await Promise.all([this.store.user(claims.user), this.makePeers(peers)]);
    if (!made.ok) return refused(made.refusal);
    const waitMs = known === undefined || known.name === name ? 0 : this.takeRename(known.id);
    if (waitMs > 0) return renamedTooOften(waitMs);
    const createdAt = known?.createdAt ?? this.clock.now();
    const user: UserRecord = { id: claims.user, name, kind: "member", createdAt };
    const { id, kind } = user;
    const joined = await this.presence.join({
      id,
      name,
      kind,
      nameKeys: nameKeys(name),
      address: undefined,
    });
    if (!joined.ok) return fault("unavailable", { retryAfterMs: RETRY_MS });
    const kept = await this.keep(user, known?.name);
    if (!kept.ok) {
      this.presence.leave(id, true);
      return refused(kept.refusal);
    }
    return { ok: true, value: { user, session: claims.session, expiresAt: claims.expiresAt } };
  }

  /** The site's next token for somebody who is logged in. */
  async renew(user: UserRecord, token: string): Promise<Outcome<MemberLogin>> {
    const read = await this.read(token);
    if (!read.ok) return read;
    const { claims, name, peers } = read.value;
    if (claims.user !== user.id) return fault("token_invalid", { detail: "It is another user's." });
    const made = await this.makePeers(peers);
    if (!made.ok) return refused(made.refusal);
    // Another connection of theirs may have brought a new name since this one logged in.
    if (name !== (this.presence.lobby.get(user.id)?.name ?? user.name)) {
      const waitMs = this.takeRename(user.id);
      if (waitMs > 0) return renamedTooOften(waitMs);
      const told = await this.presence.rename(user.id, name, nameKeys(name));
      if (!told.ok) return fault("unavailable", { retryAfterMs: RETRY_MS });
      const kept = await this.store.rename(user.id, name);
      if (!kept.ok) return refused(kept.refusal);
    }
    const { session, expiresAt } = claims;
    return { ok: true, value: { user: { ...user, name }, session, expiresAt } };
  }

  private async read(token: string): Promise<Outcome<ReadToken>> {
    const check = await this.tokens.verify(token);
    if (!check.ok) {
      switch (check.reason) {
        case "unavailable":
          return fault("unavailable", { retryAfterMs: RETRY_MS });
        case "expired":
          return fault("token_expired");
        case "invalid":
          return fault("token_invalid", check.detail === undefined ? {} : { detail: check.detail });
      }
    }
    const named = normalizeNickname(check.claims.name, this.limits);
    if (!named.ok) return fault("nickname_invalid", { detail: named.problem });
    const peers: HostPeer[] = [];
    for (const [index, { user, name }] of check.claims.peers.entries()) {
      const peer = normalizeNickname(name, this.limits);
      if (!peer.ok)
        return fault("token_invalid", { detail: `peers: the name of number ${index + 1}: ${peer.problem}` });
      peers.push({ user, name: peer.name });
    }
    return { ok: true, value: { claims: check.claims, name: named.name, peers } };
  }

  /** Whoever of them is not known yet. A name that is known stays: their own token, or a younger one, may have brought it. */
  private async makePeers(peers: readonly HostPeer[]): Promise<{ readonly ok: true } | Refused> {
    const known = await Promise.all(peers.map(({ user }) => this.store.user(user)));
    const createdAt = this.clock.now();
    const outcomes = await Promise.all(
      peers
        .filter((_, index) => known[index] === undefined)
        .map(({ user, name }) => this.store.createUser({ id: user, name, kind: "member", createdAt })),
    );
    // A conflict: another worker made them a moment ago.
    for (const outcome of outcomes) if (!outcome.ok && outcome.refusal !== "id_conflict") return outcome;
    return { ok: true };
  }

  private async keep(
    user: UserRecord,
    knownName: string | undefined,
  ): Promise<{ readonly ok: true } | Refused> {
    if (knownName === user.name) return { ok: true };
    if (knownName === undefined) {
      const created = await this.store.createUser(user);
      // Made a moment ago by another worker, under the name of another token.
      if (created.ok || created.refusal !== "id_conflict") return created;
    }
    return this.store.rename(user.id, user.name);
  }
}
