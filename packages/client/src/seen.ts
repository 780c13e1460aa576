/** When those who are offline were last there, as far as it is sure that they have not been there since (SPEC HS5). */
import type { Conversation } from "@duologue/protocol";
import type { Environment } from "./environment.ts";

export class Seen {
  readonly #environment: Environment;
  readonly #isOffline: (user: string) => boolean;
  readonly #at = new Map<string, number>();
  /** Of whom the server has said what it knows. */
  readonly #told = new Set<string>();
  /** The server's clock before this device's, ms. */
  #aheadMs = 0;

  /** `isOffline`: the server lists who is online, and they are not. */
  constructor(environment: Environment, isOffline: (user: string) => boolean) {
    this.#environment = environment;
    this.#isOffline = isOffline;
  }

  /** Milliseconds since 1970, by the server's clock; undefined for who is online, and when it is not known. */
  of(user: string): number | undefined {
    return this.#isOffline(user) ? this.#at.get(user) : undefined;
  }

  /** Whether it is worth asking. */
  isWanted({ peer, lastSeq }: Conversation): boolean {
    return lastSeq > 0 && !this.#told.has(peer.id) && !this.#at.has(peer.id) && this.#isOffline(peer.id);
  }

  /** From now on all comings and goings are told; whoever was seen before may have been there since. */
  connected(serverTime: number): void {
    this.#aheadMs = serverTime - this.#environment.now();
    this.forget();
  }

  /** What the server says of a conversation; it may have been overtaken by a leaving. */
  learn({ peer, peerSeenAt = 0 }: Conversation): void {
    this.#told.add(peer.id);
    if (peerSeenAt > (this.#at.get(peer.id) ?? 0)) this.#at.set(peer.id, peerSeenAt);
  }

  left(users: readonly string[]): void {
    for (const user of users) this.#at.set(user, this.#environment.now() + this.#aheadMs);
  }

  forgetUser(user: string): void {
    this.#at.delete(user);
    this.#told.delete(user);
  }

  forget(): void {
    this.#at.clear();
    this.#told.clear();
  }
}
