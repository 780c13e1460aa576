/** The list side: oneself, the search, the conversations, and who is online. */

import type { ConversationView, FoundUser, Timer } from "@duologue/client";
import { Avatar } from "./avatar.ts";
import { bodyText } from "./catalogue.ts";
import type { ChatContext } from "./context.ts";
import { ask } from "./dialog.ts";
import { button, element, icon, type Row, RowList, setAttribute, setText } from "./dom.ts";
import { explain } from "./languages.ts";

const SEARCH_PAUSE_MS = 250;

export class Sidebar {
  readonly root: HTMLElement;
  readonly #context: ChatContext;
  readonly #name = element("bdi", { class: "name" });
  readonly #avatar = new Avatar();
  readonly #search: HTMLInputElement;
  readonly #results: Section<FoundUser>;
  readonly #conversations: Section<ConversationView>;
  readonly #people: Section<FoundUser>;
  readonly #more: HTMLButtonElement;
  #found: readonly FoundUser[] | undefined;
  #selected: string | undefined;
  #timer: Timer | undefined;

  constructor(context: ChatContext) {
    this.#context = context;
    const { catalogue, client } = context;
    this.#search = element("input", {
      type: "search",
      id: "search",
      placeholder: catalogue.search,
      "aria-label": catalogue.search,
      autocomplete: "off",
      maxlength: "64",
      dir: "auto",
    });
    this.#search.addEventListener("input", () => this.#onSearchInput());
    const makePerson = (person: FoundUser): Row<FoundUser> =>
      new PersonRow(context, () => {
        this.clearSearch();
        context.openWith(person.id);
      });
    const keyOf = (item: { readonly id: string }): string => item.id;
    this.#results = new Section(catalogue.searchResults, keyOf, makePerson);
    this.#conversations = new Section(
      catalogue.conversations,
      keyOf,
      (conversation) => new ConversationRow(context, conversation.id, () => this.#selected),
    );
    this.#people = new Section("", keyOf, makePerson);
    this.#more = button({ class: "link more" }, () => void this.#loadMore(), catalogue.showMore);
    this.#conversations.root.append(this.#more);
    const leave = button({ class: "quiet" }, () => void this.#logOut(), catalogue.logOut);
    const lists = element(
      "div",
      { class: "lists" },
      this.#results.root,
      this.#conversations.root,
      this.#people.root,
    );
    this.root = element(
      "nav",
      { class: "sidebar", "aria-label": catalogue.conversations },
      element("header", {}, this.#avatar.root, this.#name, leave),
      element(
        "div",
        { class: "search" },
        icon("M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14", "m16 16 4.5 4.5"),
        this.#search,
      ),
      lists,
    );
    if (client.me !== undefined) this.update(undefined);
  }

  update(selected: string | undefined): void {
    this.#selected = selected;
    const { catalogue, client } = this.#context;
    const { me, lobby } = client;
    setText(this.#name, me?.name ?? "");
    if (me !== undefined) this.#avatar.update(me, undefined);

    const searching = this.#found !== undefined;
    this.#results.show(searching);
    this.#results.update(this.#found ?? [], catalogue.searchEmpty);

    const shown = client.conversations.filter((one) => one.lastSeq > 0 || one.id === selected);
    this.#conversations.show(!searching);
    this.#conversations.update(
      shown,
      client.conversationsLoaded ? catalogue.noConversations : catalogue.loading,
    );
    setAttribute(this.#more, "hidden", !client.hasMoreConversations);

    const others: FoundUser[] = [];
    for (const user of lobby.users?.values() ?? [])
      if (user.id !== me?.id) others.push({ ...user, online: true });
    const known = client.connection.kind === "online" && lobby.count > 0;
    this.#people.show(!searching && known);
    this.#people.rename(catalogue.peopleOnline(lobby.users === undefined ? lobby.count : others.length));
    this.#people.update(others, lobby.users === undefined ? catalogue.tooManyOnline : catalogue.nobodyOnline);
  }

  clearSearch(): void {
    this.#timer?.cancel();
    this.#search.value = "";
    this.#found = undefined;
  }

  #onSearchInput(): void {
    this.#timer?.cancel();
    const query = this.#search.value.trim();
    if (query === "") {
      this.#found = undefined;
      this.#context.changed();
      return;
    }
    this.#timer = this.#context.environment.after(SEARCH_PAUSE_MS, () => void this.#find(query));
  }

  async #find(query: string): Promise<void> {
    const { catalogue, client, tell, changed } = this.#context;
    try {
      const found = await client.search(query);
      // The user may have typed on, and an older answer must not replace a newer one.
      if (this.#search.value.trim() !== query) return;
      this.#found = found.filter((user) => user.id !== client.me?.id);
      changed();
    } catch (error) {
      tell(explain(catalogue, codeOf(error)));
    }
  }

  async #loadMore(): Promise<void> {
    const { catalogue, client, tell } = this.#context;
    try {
      await client.loadConversations();
    } catch (error) {
      tell(explain(catalogue, codeOf(error)));
    }
  }

  async #logOut(): Promise<void> {
    const { catalogue, client, tell } = this.#context;
    if (!(await ask(catalogue, catalogue.logOutQuestion, catalogue.logOut))) return;
    try {
      await client.logout();
    } catch {
      tell(catalogue.logOutFailed);
    }
  }
}

export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

/** A heading, a list, and a sentence for when the list is empty. */
class Section<T> {
  readonly root: HTMLElement;
  readonly #title = element("h2");
  readonly #empty = element("p", { class: "hint" });
  readonly #rows: RowList<T>;

  constructor(title: string, keyOf: (item: T) => string, make: (item: T) => Row<T>) {
    const list = element("ul");
    this.#rows = new RowList(list, keyOf, make);
    this.#title.textContent = title;
    this.root = element("section", {}, this.#title, this.#empty, list);
  }

  rename(title: string): void {
    setText(this.#title, title);
  }

  show(visible: boolean): void {
    setAttribute(this.root, "hidden", !visible);
  }

  update(items: readonly T[], empty: string): void {
    setText(this.#empty, empty);
    setAttribute(this.#empty, "hidden", items.length > 0);
    this.#rows.update(items);
  }
}

class PersonRow implements Row<FoundUser> {
  readonly root: HTMLElement;
  readonly #context: ChatContext;
  readonly #avatar = new Avatar();
  readonly #name = element("bdi", { class: "name" });
  readonly #note = element("span", { class: "preview" });

  constructor(context: ChatContext, onClick: () => void) {
    this.#context = context;
    const lines = element("span", { class: "lines" }, this.#name, this.#note);
    this.root = element("li", {}, button({ class: "row" }, onClick, this.#avatar.root, lines));
  }

  update(user: FoundUser): void {
    const { catalogue } = this.#context;
    this.#avatar.update(user, user.online);
    setText(this.#name, user.name);
    const visitor = user.kind === "classic" ? catalogue.visitor : undefined;
    const note = visitor ?? (user.online ? catalogue.online : catalogue.offline);
    setText(this.#note, note);
  }
}

class ConversationRow implements Row<ConversationView> {
  readonly root: HTMLElement;
  readonly #context: ChatContext;
  readonly #selected: () => string | undefined;
  readonly #button: HTMLButtonElement;
  readonly #avatar = new Avatar();
  readonly #name = element("bdi", { class: "name" });
  readonly #preview = element("bdi", { class: "preview" });
  readonly #time = element("time");
  readonly #count = element("span", { "aria-hidden": "true" });
  readonly #countInWords = element("span", { class: "hidden-text" });
  readonly #unread = element("span", { class: "unread" }, this.#count, this.#countInWords);

  constructor(context: ChatContext, id: string, selected: () => string | undefined) {
    this.#context = context;
    this.#selected = selected;
    const lines = element(
      "span",
      { class: "lines" },
      element("span", { class: "line" }, this.#name, this.#time),
      element("span", { class: "line" }, this.#preview, this.#unread),
    );
    this.#button = button({ class: "row" }, () => context.select(id), this.#avatar.root, lines);
    this.root = element("li", {}, this.#button);
  }

  update(conversation: ConversationView): void {
    const { catalogue, times } = this.#context;
    const { peer, lastMessage, unread } = conversation;
    this.#avatar.update(peer, conversation.online);
    setText(this.#name, peer.name);
    setText(this.#preview, this.#previewOf(conversation));
    setText(this.#time, lastMessage === undefined ? "" : times.short(lastMessage.time));
    setText(this.#count, unread > 99 ? "99+" : `${unread}`);
    setText(this.#countInWords, catalogue.unread(unread));
    setAttribute(this.#unread, "hidden", unread === 0);
    setAttribute(this.#button, "data-unread", unread > 0);
    setAttribute(this.#button, "aria-current", this.#selected() === conversation.id ? "true" : undefined);
  }

  #previewOf({ peer, typing, lastMessage }: ConversationView): string {
    const { catalogue } = this.#context;
    if (typing) return catalogue.typing(peer.name);
    if (lastMessage === undefined) return "";
    const text = bodyText(lastMessage.body, catalogue);
    if (lastMessage.body === undefined) return text;
    return lastMessage.from === peer.id ? text : catalogue.yourMessage(text);
  }
}
