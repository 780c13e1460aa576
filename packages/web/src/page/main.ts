/** The page's beginning: who is it, and which of the two screens do they see. */
import { browserEnvironment, type Client, type ConnectionState, connect } from "@duologue/client";
import { Chat } from "./chat.ts";
import type { Context } from "./context.ts";
import { TimeFormat } from "./format.ts";
import { keepToken, keptToken, onTokenChange, openStorage } from "./keep.ts";
import { chooseCatalogue, explain } from "./languages.ts";
import { SignIn, type SignInState } from "./sign-in.ts";

type Stopped = Extract<ConnectionState, { kind: "stopped" }>;

class App {
  readonly #place: HTMLElement;
  readonly #context: Context;
  readonly #signIn: SignIn;
  #client: Client | undefined;
  #chat: Chat | undefined;
  #token: string | undefined;
  #notice: SignInState["notice"];
  #suggestion: SignInState["suggestion"];

  constructor(place: HTMLElement) {
    this.#place = place;
    const environment = browserEnvironment();
    const catalogue = chooseCatalogue(navigator.languages);
    const times = new TimeFormat(catalogue, navigator.languages, () => environment.now());
    this.#context = { catalogue, times, environment };
    this.#signIn = new SignIn(catalogue, (nickname) => this.#connect(nickname));
    document.documentElement.lang = catalogue.language;
  }

  start(): void {
    this.#token = keptToken();
    if (this.#token !== undefined) this.#connect(undefined);
    onTokenChange((token) => {
      if (this.#client !== undefined || token === undefined) return;
      this.#token = token;
      this.#connect(undefined);
    });
    this.#update();
  }

  #connect(nickname: string | undefined): void {
    this.#client?.close();
    this.#notice = undefined;
    this.#suggestion = undefined;
    const client = connect({
      url: new URL("/", location.href).href.replace(/^http/, "ws"),
      storage: openStorage(),
      environment: this.#context.environment,
      onToken: (token) => this.#keep(token),
      ...(this.#token === undefined ? {} : { token: this.#token }),
      ...(nickname === undefined ? {} : { nickname }),
    });
    this.#client = client;
    client.subscribe(() => {
      if (client === this.#client) this.#update();
    });
    this.#update();
  }

  /** Another tab may have signed in as somebody else meanwhile; that one's token is not ours to remove. */
  #keep(token: string | undefined): void {
    if (token !== undefined || keptToken() === this.#token) keepToken(token);
    this.#token = token;
  }

  #update(): void {
    const client = this.#client;
    if (client?.connection.kind === "stopped" && needsSignIn(client.connection))
      this.#leave(client.connection);
    if (this.#client?.me === undefined) this.#showSignIn();
    else this.#showChat(this.#client);
  }

  #leave(connection: Stopped): void {
    const { catalogue } = this.#context;
    this.#client = undefined;
    this.#suggestion = connection.error?.suggestion;
    if (connection.error !== undefined) {
      this.#notice = { text: explain(catalogue, connection.error.code), isProblem: true };
    } else {
      const isOwnWish = connection.reason === "logged_out";
      this.#notice = {
        text: isOwnWish ? catalogue.signedOut : catalogue.endedElsewhere,
        isProblem: !isOwnWish,
      };
    }
  }

  #showSignIn(): void {
    this.#chat?.close();
    this.#chat = undefined;
    const { catalogue } = this.#context;
    document.title = catalogue.signInTitle;
    const isWaiting = this.#client?.connection.kind === "waiting";
    const waiting = isWaiting ? { text: catalogue.waiting(0), isProblem: false } : undefined;
    this.#signIn.update({
      pending: this.#client !== undefined,
      notice: waiting ?? this.#notice,
      suggestion: this.#suggestion,
    });
    if (this.#place.firstChild === this.#signIn.root) return;
    this.#place.replaceChildren(this.#signIn.root);
    this.#signIn.focus();
  }

  #showChat(client: Client): void {
    if (this.#chat === undefined) {
      this.#chat = new Chat(this.#context, client);
      this.#place.replaceChildren(this.#chat.root);
      this.#chat.attached();
    }
    this.#chat.update();
  }
}

/** Ends after which only a new login helps; the others are shown above the chat, with a button to try again. */
function needsSignIn({ reason }: Stopped): boolean {
  return ["hello_refused", "logged_out", "session_expired", "frame_invalid"].includes(reason);
}

const place = document.getElementById("app");
if (place !== null) new App(place).start();
