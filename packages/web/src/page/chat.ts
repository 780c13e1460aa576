/** What a logged-in person sees and does, apart from how it is drawn. */
import type { Client } from "@duologue/client";
import type { User } from "@duologue/protocol";
import { type Signal, signal } from "@preact/signals";
import { addressOf, type Place, placeOf } from "./address.ts";
import { Attention } from "./attention.ts";
import { Drafts } from "./drafts.ts";
import { codeOf, explain } from "./languages.ts";
import { Pace } from "./pace.ts";
import type { Surroundings } from "./surroundings.ts";

const TOAST_MS = 5_000;

/** Something that cannot be undone, and how it is confirmed. */
export interface Question {
  readonly text: string;
  readonly yes: string;
  readonly run: () => void;
}

export class Chat {
  readonly surroundings: Surroundings;
  readonly drafts: Drafts;
  readonly place: Signal<Place> = signal(placeOf(location.hash));
  /** A sentence for people, shown for a few seconds. */
  readonly toast: Signal<string | undefined> = signal(undefined);
  readonly question: Signal<Question | undefined> = signal(undefined);
  readonly areSettingsOpen: Signal<boolean> = signal(false);
  readonly attention: Attention;
  readonly #client: Client;
  readonly #version = signal(0);
  readonly #pace: Pace;
  readonly #onAddress = (): void => this.#follow();
  #toastTimer: { cancel(): void } | undefined;

  constructor(surroundings: Surroundings, client: Client, me: User) {
    this.surroundings = surroundings;
    this.#client = client;
    this.drafts = new Drafts(me.id);
    this.attention = new Attention(surroundings, (conversation) => this.select(conversation));
    this.#pace = new Pace(surroundings.environment, () => this.#draw());
    addEventListener("popstate", this.#onAddress);
    addEventListener("hashchange", this.#onAddress);
    void this.#load();
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
    removeEventListener("popstate", this.#onAddress);
    removeEventListener("hashchange", this.#onAddress);
    this.#toastTimer?.cancel();
    this.attention.close();
    this.#pace.close();
    if (forget) this.drafts.forget();
    history.replaceState(null, "", "#/");
  }

  /** One entry in the browser's history for a conversation, so that "back" leads to the list, however many were read. */
  select(conversation: string): void {
    const address = addressOf({ conversation, seq: undefined });
    if (this.place.peek().conversation === undefined) history.pushState({ fromList: true }, "", address);
    else history.replaceState(history.state, "", address);
    this.#follow();
  }

  /** To the list: by going back to it where one came from it, so that "back" does not lead here again. */
  leave(): void {
    if ((history.state as { fromList?: boolean } | null)?.fromList === true) history.back();
    else {
      history.replaceState(null, "", "#/");
      this.#follow();
    }
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

  askToLogOut(): void {
    const { catalogue } = this.surroundings;
    this.areSettingsOpen.value = false;
    this.question.value = {
      text: catalogue.value.logOutQuestion,
      yes: catalogue.value.logOut,
      run: () => void this.#client.logout().catch(() => this.tell(catalogue.peek().logOutFailed)),
    };
  }

  #draw(): void {
    this.#version.value += 1;
    this.attention.update(this.#client, this.place.peek().conversation);
  }

  #follow(): void {
    const place = placeOf(location.hash);
    const before = this.place.peek();
    if (place.conversation === before.conversation && place.seq === before.seq) return;
    this.place.value = place;
    if (place.conversation !== before.conversation) void this.#load();
    this.attention.update(this.#client, place.conversation);
  }

  async #load(): Promise<void> {
    const { conversation } = this.place.peek();
    if (conversation === undefined) return;
    const found = await this.attempt(() => this.#client.openConversation(conversation));
    if (!found && this.place.peek().conversation === conversation) this.leave();
  }
}
