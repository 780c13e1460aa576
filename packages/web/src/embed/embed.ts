/** The frame as a whole: who is logged in, by what the host page says, and which conversation they see. */
import {
  browserEnvironment,
  type Client,
  type ConnectionState,
  connect,
  type Environment,
} from "@duologue/client";
import type { User } from "@duologue/protocol";
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { bodyText, type Catalogue } from "../page/catalogue.ts";
import { Chat } from "../page/chat.ts";
import { TimeFormat } from "../page/format.ts";
import { chooseCatalogue } from "../page/languages.ts";
import { type NameState, untried } from "../page/name-field.tsx";
import { Preferences } from "../page/preferences.ts";
import type { Surroundings } from "../page/surroundings.ts";
import type { FrameMessage, Settings } from "../widget/messages.ts";
import { type Arrival, Arrivals } from "./arrivals.ts";
import { FrameAttention } from "./attention.ts";
import { keepToken, keptToken, openStorage } from "./keep.ts";
import { FrameNavigation } from "./navigation.ts";
import { openPeer, type Target } from "./target.ts";
import { explainProblem, NO_TOKEN } from "./words.ts";

type Stopped = Extract<ConnectionState, { kind: "stopped" }>;

export interface EmbedOptions {
  /** What has to be in sight for messages to count as looked at. */
  readonly place: HTMLElement;
  readonly post: (message: FrameMessage) => void;
  readonly requestToken: () => Promise<string | undefined>;
}

interface Identity {
  readonly token?: string | undefined;
  readonly nickname?: string;
  readonly getToken?: () => Promise<string>;
}

/** The id of none. */
const NO_CONVERSATION = "";

/** The host page was asked for a token and has none. */
class NoTokenError extends Error {
  constructor() {
    super("The page has no token for the chat.");
    this.name = "NoTokenError";
  }
}

export class Embed implements Surroundings {
  readonly environment: Environment = browserEnvironment();
  /** Nobody chooses anything here: the host page does. */
  readonly preferences = new Preferences();
  readonly settings: Signal<Settings | undefined> = signal(undefined);
  readonly catalogue: ReadonlySignal<Catalogue> = computed(() => {
    const language = this.settings.value?.language;
    return chooseCatalogue(language === undefined ? navigator.languages : [language]);
  });
  readonly times: ReadonlySignal<TimeFormat> = computed(
    () => new TimeFormat(this.catalogue.value, navigator.languages, () => this.environment.now()),
  );
  readonly frame = {
    close: computed(() => (this.settings.value?.closable === true ? () => this.close() : undefined)),
    isAlone: computed(() => this.settings.value?.peer !== undefined),
  };
  readonly own = undefined;
  /** Undefined while nobody is logged in. */
  readonly chat: Signal<Chat | undefined> = signal(undefined);
  readonly target: Signal<Target> = signal({ kind: "any" });
  readonly signIn: Signal<NameState> = signal(untried);
  /** Why nobody is logged in: the code of a refusal, or NO_TOKEN. */
  readonly problem: Signal<string | undefined> = signal(undefined);
  readonly #options: EmbedOptions;
  #arrivals: Arrivals;
  #client: Client | undefined;
  #hostToken: string | undefined;
  #isReady = false;

  constructor(options: EmbedOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.post);
  }

  setSettings(settings: Settings): void {
    const before = this.settings.peek();
    this.settings.value = settings;
    if (before?.login !== settings.login) this.begin();
    else if (before.peer !== settings.peer) this.aimAnew();
  }

  /** Asks the host page to close the window. */
  close(): void {
    this.#options.post({ type: "close" });
  }

  /** From nobody being logged in to somebody, as far as it needs no nickname. */
  begin(): void {
    this.#leave(false);
    this.problem.value = undefined;
    this.signIn.value = untried;
    if (this.settings.peek()?.login === "token") void this.#logInByHost();
    else if (keptToken() !== undefined) this.#connect({ token: keptToken() });
  }

  signInAs(nickname: string): void {
    this.#connect({ nickname });
  }

  /** Opens the conversation that the host page names now, or the list. */
  aimAnew(): void {
    this.target.value = { kind: "any" };
    this.chat.peek()?.leave();
    this.#update();
  }

  async #logInByHost(): Promise<void> {
    const token = await this.#options.requestToken();
    if (this.settings.peek()?.login !== "token" || this.#client !== undefined) return;
    this.#hostToken = token;
    if (token === undefined) this.problem.value = NO_TOKEN;
    else this.#connect({ token, getToken: () => this.#renewToken() });
  }

  async #renewToken(): Promise<string> {
    const token = await this.#options.requestToken();
    if (token === undefined) {
      // Nobody is logged in there any more: asking on and on would not change it.
      this.#leave(true);
      this.problem.value = NO_TOKEN;
      throw new NoTokenError();
    }
    this.#hostToken = token;
    return token;
  }

  #connect({ token, nickname, getToken }: Identity): void {
    this.#leave(false);
    this.problem.value = undefined;
    this.signIn.value = { ...untried, pending: true };
    const isGuest = this.settings.peek()?.login === "guest";
    const client = connect({
      url: new URL("/", location.href).href.replace(/^http/, "ws"),
      storage: openStorage(),
      environment: this.environment,
      onToken: (next) => {
        // The host page keeps its own tokens; here they would outlive its logout.
        if (isGuest) keepToken(next);
      },
      ...(token === undefined ? {} : { token }),
      ...(nickname === undefined ? {} : { nickname }),
      ...(getToken === undefined ? {} : { getToken }),
    });
    this.#client = client;
    this.#arrivals = new Arrivals(this.#options.post);
    client.onArrival((message) => {
      if (client === this.#client) this.#onArrival(client, message);
    });
    client.subscribe(() => {
      if (client === this.#client) this.#update();
    });
  }

  /** `forget`: they logged out, so nothing that they wrote stays in this browser. */
  #leave(forget: boolean): void {
    const client = this.#client;
    this.#client = undefined;
    this.#isReady = false;
    this.target.value = { kind: "any" };
    this.chat.peek()?.close(forget);
    this.chat.value = undefined;
    if (client === undefined) return;
    client.close();
    // Nobody is logged in any more who could read it.
    this.#options.post({ type: "unread", count: 0 });
  }

  #update(): void {
    const client = this.#client;
    if (client === undefined) return;
    const { connection, me } = client;
    if (connection.kind === "stopped") this.#onStopped(connection);
    else if (me !== undefined) this.#onKnown(client, me);
  }

  #onStopped({ reason, error }: Stopped): void {
    const isByToken = this.settings.peek()?.login === "token";
    this.#leave(reason === "logged_out");
    const code = error?.code ?? reason;
    // With these, no nickname helps.
    const isHopeless = code === "guests_closed" || code === "version_unsupported";
    if (!isByToken && !isHopeless) {
      const notice =
        error === undefined
          ? undefined
          : { say: (catalogue: Catalogue) => explainProblem(catalogue, code), isProblem: true };
      this.signIn.value = { pending: false, notice, suggestion: error?.suggestion };
    } else this.problem.value = code;
  }

  #onKnown(client: Client, me: User): void {
    this.chat.value ??= this.#open(client, me);
    this.chat.value.changed();
    if (client.connection.kind === "online") this.#onOnline(client, me.id);
    this.#tellHost(client);
  }

  #open(client: Client, me: User): Chat {
    const navigation = new FrameNavigation();
    const attention = new FrameAttention(this.#options.place);
    return new Chat(this, client, me, { navigation, attention });
  }

  #onOnline(client: Client, user: string): void {
    if (!this.#isReady) {
      this.#isReady = true;
      this.#options.post({ type: "ready", user });
    }
    const peer = this.settings.peek()?.peer;
    if (peer !== undefined && this.target.peek().kind === "any") void this.#openPeer(client, peer);
  }

  async #openPeer(client: Client, peer: string): Promise<void> {
    this.target.value = { kind: "opening" };
    const isByHost = this.settings.peek()?.login === "token";
    const ask = (): ReturnType<typeof openPeer> =>
      openPeer(client, peer, isByHost ? this.#hostToken : undefined);
    let target = await ask();
    // The host page's next token may name them.
    const isUnknown = target?.kind === "problem" && target.code === "user_unknown";
    if (isUnknown && isByHost && (await client.renewToken())) target = await ask();
    if (client !== this.#client || peer !== this.settings.peek()?.peer) return;
    // Asked again with the next change of the connection.
    this.target.value = target ?? { kind: "any" };
    if (target?.kind === "conversation") this.chat.peek()?.select(target.id);
    this.#update();
  }

  #onArrival(client: Client, message: Arrival): void {
    this.#arrivals.add(message);
    this.#tellHost(client);
    const { attention, place } = this.chat.peek() ?? {};
    if (attention === undefined || place?.peek().conversation !== message.conversation) return;
    const name = client.conversation(message.conversation)?.peer.name ?? "";
    const catalogue = this.catalogue.peek();
    attention.announcement.value = catalogue.announce(name, bodyText(message.body, catalogue));
  }

  #tellHost(client: Client): void {
    const target = this.target.peek();
    if (this.settings.peek()?.peer === undefined) this.#arrivals.update(client, undefined);
    else if (target.kind === "conversation") this.#arrivals.update(client, target.id);
    else if (target.kind === "problem") this.#arrivals.update(client, NO_CONVERSATION);
  }
}
