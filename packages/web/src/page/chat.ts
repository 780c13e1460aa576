/** What a logged-in person sees and does, apart from how it is drawn. */
import type { Client } from "@duologue/client";
import type { User } from "@duologue/protocol";
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Place } from "./address.ts";
import type { Attention } from "./attention.ts";
import { Drafts } from "./drafts.ts";
import { codeOf, explain } from "./languages.ts";
import type { Navigation } from "./navigation.ts";
import { Pace } from "./pace.ts";
import type { Standings } from "./standings.ts";
import type { Surroundings } from "./surroundings.ts";

const TOAST_MS = 5_000;

/** What asked for a dialog: the button, and around it a place that stays when the button is gone or hidden. */
export interface Asker {
  readonly place: HTMLElement | null;
  readonly button: Element | null;
}

/** Something that cannot be undone, and how it is confirmed. */
export interface Question {
  readonly text: string;
  readonly yes: string;
  readonly run: () => void;
  /** Given: has the focus afterwards. */
  readonly asker?: Asker;
}

/** What attention is to a conversation that is drawn. */
export type Attending = Pick<Attention, "isAwake" | "announcement" | "update" | "close">;

export interface ChatParts {
  readonly navigation: Navigation;
  readonly attention: Attending;
  /** Absent: conversations stand as they come. */
  readonly standings?: Standings;
}

/** The place first, since a button that is hidden without the focus near it cannot take it. */
export function focusAsker({ place, button }: Asker): void {
  place?.focus({ preventScroll: true });
  if (button instanceof HTMLElement) button.focus({ preventScroll: true });
}

export class Chat {
  readonly surroundings: Surroundings;
  readonly drafts: Drafts;
  readonly standings: Standings | undefined;
  readonly place: ReadonlySignal<Place>;
  /** A sentence for people, shown for a few seconds. */
  readonly toast: Signal<string | undefined> = signal(undefined);
  readonly question: Signal<Question | undefined> = signal(undefined);
  /** `name`: open, and begun with one's own name. */
  readonly settings: Signal<"closed" | "open" | "name"> = signal("closed");
  readonly attention: Attending;
  readonly #client: Client;
  readonly #version = signal(0);
  readonly #pace: Pace;
  readonly #navigation: Navigation;
  readonly #stopFollowing: () => void;
  readonly #stopFollowingStandings: (() => void) | undefined;
  #toastTimer: { cancel(): void } | undefined;

  constructor(surroundings: Surroundings, client: Client, me: User, parts: ChatParts) {
    const { navigation, attention, standings } = parts;
    this.surroundings = surroundings;
    this.#client = client;
    this.drafts = new Drafts(me.id);
    this.standings = standings;
    this.attention = attention;
    this.#navigation = navigation;
    this.place = navigation.place;
    this.#pace = new Pace(surroundings.environment, () => this.#draw());
    let shown: string | undefined;
    this.#stopFollowing = this.place.subscribe(({ conversation }) => {
      if (conversation !== shown && conversation !== undefined) void this.#load(conversation);
      shown = conversation;
      this.#attend();
    });
    this.#stopFollowingStandings = standings?.subscribe(() => this.#attend());
  }

  /** Whoever reads it while drawing is drawn again when something of the client changes. */
  get client(): Client {
    void this.#version.value;
    return this.#client;
  }

  /** The client changed. Thousands of messages at once, after days away, are not drawn one by one. */
  changed(): void {
    this.#pace.ask();
  }

  /** What is known now is drawn before anything else happens. */
  flush(): void {
    this.#pace.flush();
  }

  /** `forget`: they logged out, so nothing of theirs stays in this browser. */
  close(forget: boolean): void {
    this.#stopFollowing();
    this.#stopFollowingStandings?.();
    this.standings?.close();
    this.#navigation.close();
    this.#toastTimer?.cancel();
    this.attention.close();
    this.#pace.close();
    if (!forget) return;
    this.drafts.forget();
    this.standings?.forget();
  }

  select(conversation: string): void {
    this.#navigation.select(conversation);
  }

  /** To the list. */
  leave(): void {
    this.#navigation.leave();
  }

  async openWith(user: string): Promise<void> {
    await this.attempt(async () => this.select(await this.#client.open(user)));
  }

  /** Runs it, and tells people when it was refused. Resolves to whether it went well. */
  async attempt(run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      this.tell(explain(this.surroundings.catalogue.peek(), codeOf(error)));
      return false;
    }
  }

  tell(text: string): void {
    this.toast.value = text;
    this.#toastTimer?.cancel();
    this.#toastTimer = this.surroundings.environment.after(TOAST_MS, () => {
      this.toast.value = undefined;
    });
  }

  /** To the clipboard; `done` is said when it is there. */
  copy(text: string, done: string): void {
    const copied = navigator.clipboard?.writeText(text) ?? Promise.reject();
    void copied.then(
      () => this.tell(done),
      () => this.tell(this.surroundings.catalogue.peek().copyFailed),
    );
  }

  #draw(): void {
    this.#version.value += 1;
    this.standings?.update(this.#client);
    this.#attend();
  }

  #attend(): void {
    const isMuted = (id: string): boolean => this.standings?.has(id, "muted") === true;
    this.attention.update(this.#client, this.place.peek().conversation, isMuted);
  }

  async #load(conversation: string): Promise<void> {
    const found = await this.attempt(() => this.#client.openConversation(conversation));
    if (!found && this.place.peek().conversation === conversation) this.leave();
  }
}
