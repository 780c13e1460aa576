import type { ConversationView } from "@duologue/client";
import type { ChatContext, Screen } from "./context.ts";
import { element, type Row, Rows, setText } from "./elements.ts";
import { header } from "./frame.ts";

interface Person {
  readonly id: string;
  readonly name: string;
}

/** All conversations, and whom to begin one with. */
export class List implements Screen {
  readonly root: HTMLElement;
  readonly #context: ChatContext;
  readonly #conversations: Rows<ConversationView>;
  readonly #people: Rows<Person>;
  readonly #peopleTitle: HTMLElement;
  readonly #empty = element("p", { class: "hint centre" });

  constructor(context: ChatContext) {
    this.#context = context;
    const { words } = context;
    const conversations = element("ul", { "aria-label": words.conversations });
    const people = element("ul", { "aria-label": words.peopleOnline });
    this.#conversations = new Rows(
      conversations,
      ({ id }) => id,
      ({ id }) => this.#conversationRow(id),
    );
    this.#people = new Rows(
      people,
      ({ id }) => id,
      ({ id }) => this.#personRow(id),
    );
    this.#peopleTitle = element("p", { class: "hint", "aria-hidden": "true" }, words.peopleOnline);
    this.root = element(
      "main",
      { class: "screen" },
      header(context, { title: [element("h1", {}, words.chat)] }),
      element("div", { class: "scroll" }, conversations, this.#peopleTitle, people, this.#empty),
    );
  }

  update(): void {
    const { client, words } = this.#context;
    const { conversations, lobby, me } = client;
    const known = new Set(conversations.map(({ peer }) => peer.id));
    const people = [...(lobby.users?.values() ?? [])].filter(({ id }) => id !== me?.id && !known.has(id));
    this.#conversations.update(conversations);
    this.#people.update(people);
    this.#peopleTitle.hidden = people.length === 0;
    this.#empty.hidden = conversations.length + people.length > 0;
    setText(this.#empty, client.conversationsLoaded ? words.nobody : words.loading);
  }

  setInSight(): void {}

  focus(): void {
    this.root.querySelector<HTMLElement>(".row")?.focus();
  }

  #conversationRow(id: string): Row<ConversationView> {
    const { words, select } = this.#context;
    const name = element("bdi");
    const preview = element("span", { class: "hint", dir: "auto" });
    const badge = element("span", { class: "badge", "aria-hidden": "true" });
    const unread = element("span", { class: "hidden-text" });
    const row = element(
      "button",
      { type: "button", class: "row" },
      element("span", { class: "lines" }, name, preview),
      badge,
      unread,
    );
    row.addEventListener("click", () => select(id));
    return {
      root: element("li", {}, row),
      update: (conversation) => {
        const { lastMessage } = conversation;
        setText(name, conversation.peer.name);
        setText(preview, lastMessage?.body === undefined ? "" : (lastMessage.body.text ?? words.unknownKind));
        badge.hidden = conversation.unread === 0;
        setText(badge, String(conversation.unread));
        setText(unread, conversation.unread === 0 ? "" : words.unread(conversation.unread));
      },
    };
  }

  #personRow(id: string): Row<Person> {
    const name = element("bdi");
    const row = element("button", { type: "button", class: "row" }, name);
    row.addEventListener("click", () => this.#context.openWith(id));
    return { root: element("li", {}, row), update: (person) => setText(name, person.name) };
  }
}
