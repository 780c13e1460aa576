/** One conversation: who it is with, what was written, and the composer. */
import type { ConversationView, TimelineEntry, TimelineView } from "@duologue/client";
import { Avatar } from "./avatar.ts";
import { Composer, type Draft } from "./composer.ts";
import type { ChatContext } from "./context.ts";
import { ask } from "./dialog.ts";
import { button, element, icon, RowList, setAttribute, setText } from "./dom.ts";
import { explain } from "./languages.ts";
import { type Item, type MessageActions, makeItemRow } from "./message-row.ts";
import { codeOf } from "./sidebar.ts";

/** This near to the end counts as at the end. */
const END_PIXELS = 48;
/** This near to the beginning, older messages are fetched. */
const BEGINNING_PIXELS = 240;

export class ConversationPane {
  readonly root: HTMLElement;
  readonly #context: ChatContext;
  readonly #id: string;
  readonly #composer: Composer;
  readonly #avatar = new Avatar();
  readonly #name = element("bdi", { class: "name" });
  readonly #presence = element("span", { class: "preview" });
  readonly #scroll: HTMLElement;
  readonly #older: HTMLButtonElement;
  readonly #empty = element("p", { class: "hint empty" });
  readonly #typing = element("p", { class: "typing", role: "status" });
  readonly #jump: HTMLButtonElement;
  readonly #rows: RowList<Item>;
  #drawn: TimelineView | undefined;
  /** The first message that was unread when the conversation was opened. */
  #unreadFrom: number | undefined;
  #atEnd = true;
  #loadingOlder = false;

  constructor(context: ChatContext, id: string, draft: Draft) {
    this.#context = context;
    this.#id = id;
    const { catalogue } = context;
    const list = element("ol", { class: "messages" });
    const actions = this.#actions();
    this.#rows = new RowList<Item>(
      list,
      (item) => item.key,
      (item) => makeItemRow(context, actions, item),
    );
    this.#older = button({ class: "link more" }, () => void this.#loadOlder(), catalogue.loadOlder);
    this.#scroll = element(
      "div",
      { class: "scroll", role: "log", tabindex: "0" },
      this.#older,
      this.#empty,
      list,
    );
    this.#scroll.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.#jump = button({ class: "jump", hidden: true }, () => this.#toEnd(), catalogue.newMessages);
    this.#composer = new Composer(context, id, draft, () => this.#toEnd());
    const back = button({ class: "quiet back", "aria-label": catalogue.back }, () =>
      context.select(undefined),
    );
    back.append(icon("m15 5-7 7 7 7"));
    const title = element("h1", { class: "lines" }, this.#name, this.#presence);
    this.root = element(
      "main",
      { class: "pane" },
      element("header", {}, back, this.#avatar.root, title),
      element("div", { class: "middle" }, this.#scroll, this.#jump),
      this.#typing,
      this.#composer.root,
    );
  }

  readonly #sizes = new ResizeObserver(() => {
    // The composer grew, the keyboard came, a banner went: the last message stays in sight.
    if (this.#atEnd) this.#toEnd();
  });

  /** Once it is in the document: sizes are known only there. */
  attached(): void {
    this.#composer.fit();
    this.#toEnd();
    this.#sizes.observe(this.#scroll);
    // On a touch screen the keyboard would cover what one came to read.
    if (matchMedia("(hover: hover)").matches) this.#composer.focus();
  }

  update(): void {
    const { catalogue, client } = this.#context;
    const conversation = client.conversation(this.#id);
    if (conversation !== undefined) this.#drawHeader(conversation);
    this.#composer.update();
    const view = client.timeline(this.#id);
    if (view !== this.#drawn && conversation !== undefined) this.#drawMessages(view, conversation);
    setText(
      this.#empty,
      view.loading || conversation === undefined
        ? catalogue.loading
        : catalogue.noMessages(conversation.peer.name),
    );
    setAttribute(this.#empty, "hidden", view.entries.length > 0);
    setAttribute(this.#older, "hidden", !view.hasOlder);
    this.#older.disabled = view.loading;
    setText(this.#typing, conversation?.typing === true ? catalogue.typing(conversation.peer.name) : "");
    this.#markRead();
  }

  close(): void {
    this.#sizes.disconnect();
  }

  #drawHeader({ peer, online }: ConversationView): void {
    const { catalogue } = this.#context;
    this.#avatar.update(peer, online);
    setText(this.#name, peer.name);
    setText(this.#presence, online === undefined ? "" : online ? catalogue.online : catalogue.offline);
    setAttribute(this.#scroll, "aria-label", catalogue.messagesWith(peer.name));
  }

  #drawMessages(view: TimelineView, conversation: ConversationView): void {
    const before = this.#drawn;
    if (before === undefined || before.entries.length === 0) this.#noteUnread(conversation);
    this.#drawn = view;
    const { scrollHeight, scrollTop } = this.#scroll;
    this.#rows.update(
      itemsOf(view.entries, this.#unreadFrom, this.#context.times.dayKey.bind(this.#context.times)),
    );
    const [first] = before?.entries ?? [];
    const hasEarlier = first !== undefined && view.entries[0]?.id !== first.id;
    if (this.#atEnd) this.#toEnd();
    else if (hasEarlier) this.#scroll.scrollTop = scrollTop + this.#scroll.scrollHeight - scrollHeight;
    else if (isNewFromPeer(before, view)) setAttribute(this.#jump, "hidden", false);
  }

  #noteUnread({ mine, unread }: ConversationView): void {
    if (unread > 0) this.#unreadFrom = mine.read + 1;
  }

  #markRead(): void {
    if (!this.#atEnd || document.visibilityState !== "visible" || !document.hasFocus()) return;
    const seq = this.#drawn?.entries.findLast((entry) => entry.seq !== undefined)?.seq;
    if (seq !== undefined && !this.#drawn?.loading) this.#context.client.markRead(this.#id);
  }

  #onScroll(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < END_PIXELS;
    if (this.#atEnd) {
      setAttribute(this.#jump, "hidden", true);
      this.#markRead();
    } else if (scrollTop < BEGINNING_PIXELS && this.#drawn?.hasOlder === true) void this.#loadOlder();
  }

  #toEnd(): void {
    this.#atEnd = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    setAttribute(this.#jump, "hidden", true);
  }

  async #loadOlder(): Promise<void> {
    if (this.#loadingOlder) return;
    this.#loadingOlder = true;
    const { catalogue, client, tell } = this.#context;
    try {
      await client.loadOlder(this.#id);
    } catch (error) {
      tell(explain(catalogue, codeOf(error)));
    } finally {
      this.#loadingOlder = false;
    }
  }

  #actions(): MessageActions {
    const { catalogue, client } = this.#context;
    return {
      reply: (entry) => this.#composer.setMode({ kind: "reply", to: entry }),
      edit: (entry) => this.#composer.setMode({ kind: "edit", message: entry }),
      retract: (entry) =>
        void ask(catalogue, catalogue.retractQuestion, catalogue.retract).then((yes) => {
          if (yes && entry.seq !== undefined) client.retract(this.#id, entry.seq);
        }),
      retry: (id) => client.retry(id),
      discard: (id) => void client.discard(id),
      show: (seq) => this.#show(seq),
    };
  }

  #show(seq: number): void {
    const index = this.#drawn?.entries.findIndex((entry) => entry.seq === seq) ?? -1;
    const row = this.#scroll.querySelectorAll(".message")[index];
    if (row === undefined) return;
    row.scrollIntoView({ block: "center" });
    row.classList.add("shown");
    row.addEventListener("animationend", () => row.classList.remove("shown"), { once: true });
  }
}

function isNewFromPeer(before: TimelineView | undefined, view: TimelineView): boolean {
  const last = view.entries.at(-1);
  return last !== undefined && !last.mine && last.id !== before?.entries.at(-1)?.id;
}

/** The messages, with a heading before each day and a mark before the first unread one. */
export function itemsOf(
  entries: readonly TimelineEntry[],
  unreadFrom: number | undefined,
  dayKeyOf: (time: number) => string,
): readonly Item[] {
  const items: Item[] = [];
  const bySeq = new Map(entries.flatMap((entry) => (entry.seq === undefined ? [] : [[entry.seq, entry]])));
  let day = "";
  let isMarked = unreadFrom === undefined;
  for (const entry of entries) {
    const key = dayKeyOf(entry.time);
    // The sender's clock may be wrong, so a day can come twice; its heading then needs a name of its own.
    if (key !== day) items.push({ kind: "day", key: `day ${entry.id}`, time: entry.time });
    day = key;
    if (!isMarked && !entry.mine && (entry.seq ?? 0) >= (unreadFrom ?? 0)) {
      items.push({ kind: "unread", key: "unread" });
      isMarked = true;
    }
    const quoted = entry.replyTo === undefined ? undefined : bySeq.get(entry.replyTo);
    items.push({ kind: "message", key: entry.id, entry, quoted });
  }
  return items;
}
