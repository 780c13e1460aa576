/** The frame as a whole: who is logged in, and which screen they see. */
import { type Client, type ConnectionState, connect, type Environment } from "@duologue/client";
import type { FrameMessage, Settings } from "../widget/messages.ts";
import { Arrivals } from "./arrivals.ts";
import type { ChatContext, Context, Screen } from "./context.ts";
import { element, setText } from "./elements.ts";
import { keepToken, keptToken, openStorage } from "./keep.ts";
import { List } from "./list.ts";
import { Notice } from "./notice.ts";
import { SignIn } from "./sign-in.ts";
import { Talk } from "./talk.ts";
import { openPeer, type Target } from "./target.ts";
import { chooseWords, type Problem, problemOf, type Words } from "./words.ts";

type Stopped = Extract<ConnectionState, { kind: "stopped" }>;

export interface ChatOptions {
  readonly place: HTMLElement;
  readonly environment: Environment;
  readonly post: (message: FrameMessage) => void;
  readonly requestToken: () => Promise<string | undefined>;
}

/** The id of none. */
const NO_CONVERSATION = "";

interface Identity {
  readonly token?: string | undefined;
  readonly nickname?: string;
  readonly getToken?: () => Promise<string>;
}

/** The host page was asked for a token and has none. */
class NoTokenError extends Error {
  constructor() {
    super("The page has no token for the chat.");
    this.name = "NoTokenError";
  }
}

export class EmbeddedChat {
  readonly #options: ChatOptions;
  readonly #banner = element("p", { class: "banner", role: "status", hidden: true });
  #arrivals: Arrivals;
  #settings: Settings | undefined;
  #words: Words = chooseWords(navigator.language);
  #client: Client | undefined;
  #hostToken: string | undefined;
  #target: Target = { kind: "list" };
  #problem: Problem | undefined;
  #suggestion: string | undefined;
  #drafts = new Map<string, string>();
  #isReady = false;
  #isInSight = false;
  /** What the screen shows, as text: another one is made when it changes. */
  #shown = "";
  #screen: Screen | undefined;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.post);
    const observer = new IntersectionObserver(([last]) => {
      this.#isInSight = last?.isIntersecting === true;
      this.#screen?.setInSight(this.#isInSight);
    });
    observer.observe(options.place);
  }

  setSettings(settings: Settings): void {
    const before = this.#settings;
    this.#settings = settings;
    this.#words = chooseWords(settings.language ?? navigator.language);
    document.documentElement.lang = this.#words.language;
    if (before?.login !== settings.login) this.#begin();
    else if (before.peer !== settings.peer) this.#target = { kind: "list" };
    this.#update();
  }

  focus(): void {
    this.#screen?.focus();
  }

  #begin(): void {
    this.#leave();
    if (this.#settings?.login === "token") void this.#logInByHost();
    else if (keptToken() !== undefined) this.#connect({ token: keptToken() });
  }

  async #logInByHost(): Promise<void> {
    this.#problem = undefined;
    this.#update();
    const token = await this.#options.requestToken();
    if (this.#settings?.login !== "token" || this.#client !== undefined) return;
    this.#hostToken = token;
    if (token === undefined) this.#problem = "noToken";
    else this.#connect({ token, getToken: () => this.#renewToken() });
    this.#update();
  }

  async #renewToken(): Promise<string> {
    const token = await this.#options.requestToken();
    if (token === undefined) {
      // Nobody is logged in there any more: asking on and on would not change it.
      this.#leave();
      this.#problem = "noToken";
      this.#update();
      throw new NoTokenError();
    }
    this.#hostToken = token;
    return token;
  }

  #connect({ token, nickname, getToken }: Identity): void {
    this.#leave();
    this.#problem = undefined;
    this.#suggestion = undefined;
    const isGuest = this.#settings?.login === "guest";
    const client = connect({
      url: new URL("/", location.href).href.replace(/^http/, "ws"),
      storage: openStorage(),
      environment: this.#options.environment,
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
    client.subscribe(() => {
      if (client === this.#client) this.#update();
    });
    this.#update();
  }

  #leave(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#isReady = false;
    this.#target = { kind: "list" };
    if (client === undefined) return;
    client.close();
    // Nobody is logged in any more who could read it.
    this.#options.post({ type: "unread", count: 0 });
  }

  #update(): void {
    if (this.#settings === undefined) return;
    const { connection } = this.#client ?? {};
    if (connection?.kind === "stopped") this.#onStopped(connection);
    const client = this.#client;
    if (client?.me !== undefined && client.connection.kind === "online") this.#onOnline(client, client.me.id);
    this.#draw(this.#settings);
    if (client === undefined) return;
    const target = this.#target;
    if (this.#settings.peer === undefined) this.#arrivals.update(client, undefined);
    else if (target.kind === "talk") this.#arrivals.update(client, target.conversation);
    else if (target.kind === "problem") this.#arrivals.update(client, NO_CONVERSATION);
  }

  #onStopped({ reason, error }: Stopped): void {
    this.#leave();
    this.#suggestion = error?.suggestion;
    if (error !== undefined) this.#problem = problemOf(error.code);
    else if (this.#settings?.login === "token")
      this.#problem = reason === "session_expired" ? "noToken" : "failed";
    else this.#problem = undefined;
  }

  #onOnline(client: Client, user: string): void {
    if (!this.#isReady) {
      this.#isReady = true;
      this.#options.post({ type: "ready", user });
    }
    const peer = this.#settings?.peer;
    if (peer !== undefined && this.#target.kind === "list") void this.#openPeer(client, peer);
  }

  async #openPeer(client: Client, peer: string): Promise<void> {
    this.#target = { kind: "opening" };
    const isByHost = this.#settings?.login === "token";
    const target = await openPeer(client, peer, isByHost ? this.#hostToken : undefined);
    if (client !== this.#client || peer !== this.#settings?.peer) return;
    // Asked again with the next change of the connection.
    this.#target = target ?? { kind: "list" };
    this.#update();
  }

  #draw(settings: Settings): void {
    const { place } = this.#options;
    const client = this.#client;
    const isCut = client?.me !== undefined && client.connection.kind !== "online";
    this.#banner.hidden = !isCut;
    setText(this.#banner, isCut ? this.#words.reconnecting : "");
    const { language } = this.#words;
    const shown = JSON.stringify([this.#shape(settings), language, settings.closable, settings.peer]);
    if (shown !== this.#shown) {
      const hadFocus = place.contains(document.activeElement);
      this.#shown = shown;
      this.#screen = this.#makeScreen(settings);
      place.replaceChildren(this.#banner, this.#screen.root);
      this.#screen.update();
      this.#screen.setInSight(this.#isInSight);
      if (hadFocus) this.#screen.focus();
    } else this.#screen?.update();
  }

  /** Which screen it is to be. */
  #shape(settings: Settings): readonly (string | undefined)[] {
    if (this.#client?.me !== undefined) {
      const target = this.#target;
      switch (target.kind) {
        case "list":
          return settings.peer === undefined ? ["list"] : ["notice"];
        case "opening":
          return ["notice"];
        case "talk":
          return ["talk", target.conversation];
        case "problem":
          return ["notice", target.problem];
        default:
          return target satisfies never;
      }
    }
    if (settings.login === "guest" && this.#problem !== "guestsClosed") return ["sign-in"];
    return ["notice", this.#problem];
  }

  #makeScreen(settings: Settings): Screen {
    const context: Context = {
      words: this.#words,
      settings,
      close: () => this.#options.post({ type: "close" }),
    };
    const client = this.#client;
    const target = this.#target;
    if (client?.me !== undefined) {
      const chat: ChatContext = {
        ...context,
        client,
        environment: this.#options.environment,
        drafts: this.#drafts,
        openWith: (user) => void this.#openWith(client, user),
        select: (conversation) => this.#select(conversation),
      };
      if (target.kind === "talk") return new Talk(chat, target.conversation);
      if (target.kind === "list" && settings.peer === undefined) return new List(chat);
      const problem = target.kind === "problem" ? target.problem : undefined;
      return new Notice(context, problem, () => this.#select(undefined));
    }
    if (settings.login === "guest" && this.#problem !== "guestsClosed") return this.#makeSignIn(context);
    return new Notice(context, this.#problem, () => this.#begin());
  }

  #makeSignIn(context: Context): SignIn {
    return new SignIn(
      context,
      () => ({
        pending: this.#client !== undefined,
        problem: this.#problem && this.#words.problems[this.#problem],
        suggestion: this.#suggestion,
      }),
      (nickname) => this.#connect({ nickname }),
    );
  }

  #select(conversation: string | undefined): void {
    this.#target = conversation === undefined ? { kind: "list" } : { kind: "talk", conversation };
    this.#update();
    this.focus();
  }

  async #openWith(client: Client, user: string): Promise<void> {
    this.#target = { kind: "opening" };
    this.#update();
    const target = await openPeer(client, user, undefined);
    if (client !== this.#client || this.#settings?.peer !== undefined) return;
    this.#target = target ?? { kind: "list" };
    this.#update();
    this.focus();
  }
}
