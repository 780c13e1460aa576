/** What the page knows before and around a chat: who is here, what they chose, and which of the two screens they see. */
import {
  browserEnvironment,
  browserStorage,
  type Client,
  type ConnectionState,
  connect,
  type Environment,
} from "@duologue/client";
import type { User } from "@duologue/protocol";
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { Attention } from "./attention.ts";
import type { Catalogue } from "./catalogue.ts";
import { Chat } from "./chat.ts";
import { ConversationMenu } from "./conversation-menu.tsx";
import { TimeFormat } from "./format.ts";
import { Invitation } from "./invitation.tsx";
import { keepToken, keptToken, onTokenChange, standingsStore } from "./keep.ts";
import { chooseCatalogue, explain } from "./languages.ts";
import { type NameState, type Notice, untried } from "./name-field.tsx";
import { AddressNavigation } from "./navigation.ts";
import { OwnSelf } from "./own-self.tsx";
import { ownWordsFor } from "./own-words.ts";
import { Preferences } from "./preferences.ts";
import { Settings } from "./settings.tsx";
import { Standings } from "./standings.ts";
import type { Surroundings } from "./surroundings.ts";

type Stopped = Extract<ConnectionState, { kind: "stopped" }>;

const noConnection: Notice = { say: (catalogue) => catalogue.noConnection, isProblem: false };

export class Page implements Surroundings {
  readonly environment: Environment = browserEnvironment();
  readonly preferences = new Preferences();
  readonly catalogue: ReadonlySignal<Catalogue> = computed(() =>
    chooseCatalogue(navigator.languages, this.preferences.language.value),
  );
  readonly times: ReadonlySignal<TimeFormat> = computed(
    () => new TimeFormat(this.catalogue.value, navigator.languages, () => this.environment.now()),
  );
  readonly frame = undefined;
  readonly own = { ConversationMenu, Self: OwnSelf, Settings, Invitation };
  /** Undefined: the form that asks for a nickname is shown. */
  readonly chat: Signal<Chat | undefined> = signal(undefined);
  readonly signIn: Signal<NameState> = signal(untried);
  #client: Client | undefined;
  #token: string | undefined;

  start(): void {
    effect(() => {
      document.documentElement.lang = this.catalogue.value.language;
      document.documentElement.dataset.theme = this.preferences.theme.value;
    });
    this.#token = keptToken();
    if (this.#token !== undefined) this.connect(undefined);
    onTokenChange((token) => {
      if (this.#client !== undefined || token === undefined) return;
      this.#token = token;
      this.connect(undefined);
    });
  }

  /** Signs in under this nickname, or comes back with the token that was kept. */
  connect(nickname: string | undefined): void {
    this.#client?.close();
    this.signIn.value = { ...untried, pending: true };
    const client = connect({
      url: new URL("/", location.href).href.replace(/^http/, "ws"),
      storage: browserStorage(),
      tabs: "page",
      offline: true,
      environment: this.environment,
      onToken: (token) => this.#keep(token),
      ...(this.#token === undefined ? {} : { token: this.#token }),
      ...(nickname === undefined ? {} : { nickname }),
    });
    this.#client = client;
    client.subscribe(() => {
      if (client === this.#client) this.#onClientChange(client);
    });
  }

  /** Another tab may have signed in as somebody else meanwhile; that one's token is not ours to remove. */
  #keep(token: string | undefined): void {
    if (token !== undefined || keptToken() === this.#token) keepToken(token);
    this.#token = token;
  }

  #onClientChange(client: Client): void {
    const { connection } = client;
    if (connection.kind === "stopped" && needsSignIn(connection)) {
      this.#leave(connection);
      return;
    }
    if (client.me === undefined) {
      const notice = connection.kind === "waiting" ? noConnection : undefined;
      if (this.signIn.peek().notice !== notice) this.signIn.value = { ...this.signIn.peek(), notice };
      return;
    }
    this.chat.value ??= this.#open(client, client.me);
    this.chat.value.changed();
  }

  #open(client: Client, me: User): Chat {
    const navigation = new AddressNavigation();
    const attention = new Attention(this, (conversation) => navigation.select(conversation));
    const standings = new Standings(standingsStore(me.id));
    return new Chat(this, client, me, { navigation, attention, standings });
  }

  #leave({ reason, error }: Stopped): void {
    this.#client = undefined;
    this.chat.peek()?.close(reason === "logged_out");
    this.chat.value = undefined;
    this.signIn.value = {
      pending: false,
      notice: {
        say: (catalogue) => {
          if (error !== undefined) return explain(catalogue, error.code);
          return reason === "logged_out" ? ownWordsFor(catalogue).signedOut : catalogue.endedElsewhere;
        },
        isProblem: error !== undefined || reason !== "logged_out",
      },
      suggestion: error?.suggestion,
    };
  }
}

/** Ends after which only a new login helps; the others are shown above the chat, with a button to try again. */
function needsSignIn({ reason }: Stopped): boolean {
  return ["hello_refused", "logged_out", "session_expired", "frame_invalid"].includes(reason);
}
