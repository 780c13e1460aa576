/**
 * Which peers are online: from the server's list while it names everybody, and otherwise by watching those of the
 * conversations that changed last (SPEC LB3, LB7).
 */
import type { ServerFrameOf, User } from "@duologue/protocol";
import type { Environment, Timer } from "./environment.ts";
import { WATCH_RETRY_MS, WATCH_SHARE_MS } from "./limits.ts";
import { changeLobby, emptyLobby, type Lobby, lobbyFrom } from "./lobby.ts";
import type { Requests } from "./requests.ts";

export interface ContactsOptions {
  readonly environment: Environment;
  readonly requests: Requests;
  /** The one that changed last first. */
  readonly conversations: () => readonly { readonly id: string; readonly peer: User }[];
  /** How many the server lets be watched; 0: none. */
  readonly most: () => number;
  /** Another tab watches, and tells this one. */
  readonly isFollower: () => boolean;
  readonly changed: () => void;
  /** These went this moment. */
  readonly left: (users: readonly string[]) => void;
  /** From now on nobody tells when this one comes or goes. */
  readonly dropped: (user: string) => void;
}

export class Contacts {
  readonly #options: ContactsOptions;
  readonly #online = new Map<string, boolean>();
  #lobby: Lobby = emptyLobby;
  /** Conversations that the server was asked to watch. */
  #watched = "";
  #timer: Timer | undefined;
  #isAsking = false;

  constructor(options: ContactsOptions) {
    this.#options = options;
  }

  get lobby(): Lobby {
    return this.#lobby;
  }

  /** Undefined when it is not known. */
  isOnline(user: string): boolean | undefined {
    return this.#lobby.users === undefined ? this.#online.get(user) : this.#lobby.users.has(user);
  }

  /** What a tab that comes must be told beside the lobby. */
  get frame(): ServerFrameOf<"presence"> {
    const known = [...this.#online];
    const of = (wanted: boolean): string[] => known.filter(([, is]) => is === wanted).map(([user]) => user);
    return { type: "presence", online: of(true), offline: of(false) };
  }

  list(frame: ServerFrameOf<"lobby">): void {
    this.#take(lobbyFrom(frame));
  }

  change(frame: ServerFrameOf<"lobby-change">): void {
    this.#take(changeLobby(this.#lobby, frame));
  }

  receive({ online, offline }: ServerFrameOf<"presence">): void {
    this.#options.left(offline.filter((user) => this.#online.get(user) === true));
    for (const user of online) this.#online.set(user, true);
    for (const user of offline) this.#online.set(user, false);
  }

  /** The list of conversations may have changed. */
  update(): void {
    if (this.#lobby === emptyLobby || this.#lobby.users !== undefined || this.#timer !== undefined) return;
    this.#timer = this.#options.environment.after(WATCH_SHARE_MS, () => this.#watch());
  }

  lost(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isAsking = false;
    this.#watched = "";
    this.#online.clear();
    this.#lobby = emptyLobby;
  }

  #take(lobby: Lobby): void {
    this.#lobby = lobby;
    if (lobby.users === undefined) this.update();
    // The list says it all.
    else if (this.#watched !== "") this.#ask([]);
  }

  #watch(): void {
    this.#timer = undefined;
    const { conversations, most, isFollower } = this.#options;
    if (this.#lobby.users !== undefined || isFollower()) return;
    const latest = conversations().slice(0, most());
    const watched = latest.map(({ id }) => id);
    // In whichever order: what changes order most is a message.
    if (watched.toSorted().join() === this.#watched) return;
    const peers = new Set(latest.map(({ peer }) => peer.id));
    for (const user of this.#online.keys()) if (!peers.has(user)) this.#drop(user);
    this.#ask(watched);
  }

  #ask(conversations: readonly string[]): void {
    if (this.#isAsking) {
      this.#retry(WATCH_SHARE_MS);
      return;
    }
    this.#isAsking = true;
    this.#watched = conversations.toSorted().join();
    if (conversations.length === 0) this.#online.clear();
    this.#options.requests.start<"watch">({ type: "watch", conversations }, false, {
      done: (frame) => {
        this.#isAsking = false;
        this.receive(frame);
        this.#options.changed();
      },
      failed: (error) => {
        this.#isAsking = false;
        // After a cut, the next list begins it anew.
        if (error.code === "disconnected") return;
        this.#watched = "";
        this.#retry(WATCH_RETRY_MS);
      },
    });
  }

  #drop(user: string): void {
    this.#online.delete(user);
    this.#options.dropped(user);
  }

  #retry(afterMs: number): void {
    this.#timer ??= this.#options.environment.after(afterMs, () => this.#watch());
  }
}
