import { ChatFrame, type ChatSettings, type TokenSource, type TokenWish } from "./chat-frame.ts";
import { readTheme } from "./messages.ts";
import { adopt } from "./styles.ts";
import { chooseWords } from "./words.ts";

/** `<duologue-chat>`: a conversation in the middle of a page. */
export interface DuologueChatElement extends HTMLElement {
  /** Instead of the attribute `token`, which cannot be renewed by itself. To be set before it is put into the page. */
  getToken: TokenSource | undefined;
}

declare global {
  interface HTMLElementTagNameMap {
    "duologue-chat": DuologueChatElement;
  }
}

const CHANGING = ["peer", "language", "theme"] as const;
const NAME = "duologue-chat";

/**
 * Makes the element known; again is nothing. `defaultUrl` is the chat server of elements without the attribute `url`. A
 * function, because where there is no document there is no HTMLElement to extend.
 */
export function defineChatElement(defaultUrl?: string): void {
  if (customElements.get(NAME) !== undefined) return;

  class ChatElement extends HTMLElement implements DuologueChatElement {
    static readonly observedAttributes: readonly string[] = CHANGING;
    getToken: TokenSource | undefined;
    #frame: ChatFrame | undefined;

    connectedCallback(): void {
      const url = this.getAttribute("url") ?? defaultUrl;
      if (url === undefined) throw new TypeError(`<${NAME}> needs the attribute url`);
      const usesToken = this.getToken !== undefined || this.hasAttribute("token");
      this.#frame = new ChatFrame({
        url,
        title: chooseWords(this.#settings().language).chat,
        closable: false,
        getToken: usesToken ? (wish) => this.#token(wish) : undefined,
        host: this,
        settings: this.#settings(),
        onLoaded: () => {},
        onClose: () => {},
        onUnread: () => {},
      });
      const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      adopt(root, "element");
      root.replaceChildren(this.#frame.root);
      this.#frame.connect();
    }

    disconnectedCallback(): void {
      this.#frame?.disconnect();
      this.#frame = undefined;
      this.shadowRoot?.replaceChildren();
    }

    attributeChangedCallback(): void {
      this.#frame?.change(this.#settings());
    }

    #token(wish: TokenWish): ReturnType<TokenSource> {
      return this.getToken === undefined ? (this.getAttribute("token") ?? undefined) : this.getToken(wish);
    }

    #settings(): ChatSettings {
      return {
        peer: this.getAttribute("peer") ?? undefined,
        language: this.getAttribute("language") ?? undefined,
        theme: readTheme(this.getAttribute("theme")),
      };
    }
  }

  customElements.define(NAME, ChatElement);
}
