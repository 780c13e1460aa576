/** The chat: the list on one side, a conversation on the other, or one of them at a time on a small screen. */
import type { Client, Timer } from "@duologue/client";
import { Banner } from "./banner.ts";
import { type Draft, emptyDraft } from "./composer.ts";
import type { ChatContext, Context } from "./context.ts";
import { ConversationPane } from "./conversation-pane.ts";
import { element, setAttribute, setText } from "./dom.ts";
import { explain } from "./languages.ts";
import { codeOf, Sidebar } from "./sidebar.ts";

const NOTICE_MS = 5_000;
const ADDRESS = /^#\/c\/([A-Za-z0-9_-]{1,64})$/;

export class Chat {
  readonly root: HTMLElement;
  readonly #context: ChatContext;
  readonly #client: Client;
  readonly #banner: Banner;
  readonly #sidebar: Sidebar;
  readonly #nothing: HTMLElement;
  readonly #notice = element("div", { class: "toast", role: "status", hidden: true });
  readonly #drafts = new Map<string, Draft>();
  readonly #onAddress = (): void => this.#follow(selectedByAddress());
  readonly #onFocus = (): void => this.update();
  #pane: ConversationPane | undefined;
  #selected: string | undefined;
  #noticeTimer: Timer | undefined;

  constructor(context: Context, client: Client) {
    this.#client = client;
    this.#context = {
      ...context,
      client,
      select: (conversation) => this.#select(conversation),
      openWith: (user) => void this.#openWith(user),
      tell: (text) => this.#tell(text),
      changed: () => this.update(),
    };
    this.#banner = new Banner(context, client);
    this.#sidebar = new Sidebar(this.#context);
    const { choose, chooseHint } = context.catalogue;
    this.#nothing = element(
      "main",
      { class: "pane nothing" },
      element(
        "div",
        {},
        element("p", { class: "lead" }, choose),
        element("p", { class: "hint" }, chooseHint),
      ),
    );
    const panes = element("div", { class: "panes" }, this.#sidebar.root, this.#nothing);
    this.root = element("div", { class: "chat" }, this.#banner.root, panes, this.#notice);
    addEventListener("popstate", this.#onAddress);
    addEventListener("focus", this.#onFocus);
    document.addEventListener("visibilitychange", this.#onFocus);
    this.#follow(selectedByAddress());
  }

  /** Once it is in the document. */
  attached(): void {
    this.#pane?.attached();
  }

  update(): void {
    this.#banner.update();
    this.#sidebar.update(this.#selected);
    this.#pane?.update();
    const unread = this.#client.conversations.reduce((sum, { unread: count }) => sum + count, 0);
    const title = this.#context.catalogue.signInTitle;
    document.title = unread > 0 ? `(${unread > 99 ? "99+" : unread}) ${title}` : title;
  }

  close(): void {
    removeEventListener("popstate", this.#onAddress);
    removeEventListener("focus", this.#onFocus);
    document.removeEventListener("visibilitychange", this.#onFocus);
    this.#banner.close();
    this.#pane?.close();
    this.#noticeTimer?.cancel();
    history.replaceState(null, "", "#/");
  }

  /** One entry in the browser's history for a conversation, so that "back" leads to the list, however many were read. */
  #select(conversation: string | undefined): void {
    const address = conversation === undefined ? "#/" : `#/c/${conversation}`;
    if (this.#selected === undefined && conversation !== undefined) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    this.#follow(conversation);
  }

  #follow(conversation: string | undefined): void {
    if (conversation !== this.#selected) this.#show(conversation);
    this.update();
  }

  #show(conversation: string | undefined): void {
    this.#selected = conversation;
    setAttribute(this.root, "data-selected", conversation !== undefined);
    this.#pane?.close();
    const shown = this.#pane?.root ?? this.#nothing;
    if (conversation === undefined) {
      this.#pane = undefined;
      shown.replaceWith(this.#nothing);
      return;
    }
    const draft = this.#drafts.get(conversation) ?? emptyDraft();
    this.#drafts.set(conversation, draft);
    const pane = new ConversationPane(this.#context, conversation, draft);
    this.#pane = pane;
    shown.replaceWith(pane.root);
    void this.#load(conversation);
    pane.update();
    pane.attached();
  }

  async #load(conversation: string): Promise<void> {
    try {
      await this.#client.openConversation(conversation);
    } catch (error) {
      this.#tell(explain(this.#context.catalogue, codeOf(error)));
      if (this.#selected === conversation) this.#select(undefined);
    }
  }

  async #openWith(user: string): Promise<void> {
    try {
      this.#select(await this.#client.open(user));
    } catch (error) {
      this.#tell(explain(this.#context.catalogue, codeOf(error)));
    }
  }

  #tell(text: string): void {
    setText(this.#notice, text);
    setAttribute(this.#notice, "hidden", false);
    this.#noticeTimer?.cancel();
    this.#noticeTimer = this.#context.environment.after(NOTICE_MS, () =>
      setAttribute(this.#notice, "hidden", true),
    );
  }
}

function selectedByAddress(): string | undefined {
  return ADDRESS.exec(location.hash)?.[1];
}
