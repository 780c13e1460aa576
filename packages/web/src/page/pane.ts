/** One conversation as it is looked at: where one is in it, what was unread at first, what is being shown. */
import type { ConversationView, TimelineEntry, TimelineView } from "@duologue/client";
import { type Signal, signal } from "@preact/signals";
import type { ScrollToIndexOpts, VirtualizerHandle } from "virtua";
import type { Asker, Chat } from "./chat.ts";
import { type Item, itemsOf } from "./items.ts";

/** This near to the end counts as at the end. */
const END_PIXELS = 48;
/** This near to the beginning, older messages are fetched. */
const BEGINNING_PIXELS = 400;
/** How long a message that was jumped to is marked. */
const FLASH_MS = 1_600;
/** How long the day stays in sight after the last scrolling. */
const DAY_SHOWN_MS = 1_200;
/** A message that was just put into the document cannot take the focus before it is measured: so often it is offered. */
const FOCUS_OFFERS_MAX = 60;
const FOCUS_OFFER_MS = 16;
/** What is left above the mark before the unread messages, so that the day, which is shown there, does not lie over it. */
const ABOVE_MARK_PIXELS = 44;
/** A message farther back than so many pages is not looked for. */
const PAGES_MAX = 400;

export class Pane {
  readonly id: string;
  readonly isAtEnd: Signal<boolean> = signal(true);
  /** Messages of the other side that are below what is in sight and have not been looked at. */
  readonly newCount: Signal<number> = signal(0);
  readonly flashing: Signal<number | undefined> = signal(undefined);
  /** The message that the keyboard is at, by its id; undefined: the last one. */
  readonly current: Signal<string | undefined> = signal(undefined);
  /** The message that the keyboard is being led to, by its id: stays in the document until it has the focus. */
  readonly aim: Signal<string | undefined> = signal(undefined);
  readonly isLoadingOlder: Signal<boolean> = signal(false);
  /** The message whose sheet of actions is open, by its id, and what opened it. */
  readonly sheet: Signal<{ readonly id: string; readonly asker: Asker } | undefined> = signal(undefined);
  /** Of the topmost message in sight, while one scrolls back; a time in that day. */
  readonly dayInSight: Signal<number | undefined> = signal(undefined);
  readonly isDayShown: Signal<boolean> = signal(false);
  /** Where the mark before the unread messages is, seen from what is in sight; undefined: in sight, or there is none. */
  readonly unreadSide: Signal<"above" | "below" | undefined> = signal(undefined);
  list: VirtualizerHandle | undefined;
  /** What scrolls. */
  scroller: HTMLElement | undefined;
  focusComposer: () => void = () => {};
  readonly #chat: Chat;
  #items: { readonly of: TimelineView; readonly value: readonly Item[] } | undefined;
  #unreadFrom: number | undefined;
  /** Up to this number nothing is new; undefined: not known yet. */
  #knownTo: number | undefined;
  #lastEntry: TimelineEntry | undefined;
  #offset = 0;
  #wasPlaced = false;
  /** The list is being led somewhere, and nobody has scrolled it since. */
  #isLed = false;
  #wanted: number | undefined;
  /** To be looked for once what is being loaded is drawn. */
  #sought: number | undefined;
  #flashTimer: { cancel(): void } | undefined;
  #dayTimer: { cancel(): void } | undefined;
  #focusTimer: { cancel(): void } | undefined;
  readonly #stopTelling: () => void;

  constructor(chat: Chat, id: string) {
    this.#chat = chat;
    this.id = id;
    this.#stopTelling = this.isAtEnd.subscribe((isAtEnd) => chat.client.setAtEnd(id, isAtEnd));
  }

  close(): void {
    this.#stopTelling();
    this.#flashTimer?.cancel();
    this.#dayTimer?.cancel();
    this.#focusTimer?.cancel();
  }

  /** What to draw; the same array again while nothing changed. */
  items(view: TimelineView, conversation: ConversationView): readonly Item[] {
    if (this.#items?.of === view) return this.#items.value;
    const before = this.#items?.of;
    // What comes into an empty conversation while one looks at it is not marked.
    const isFirst = before === undefined || (before.entries.length === 0 && before.loading);
    if (isFirst && conversation.unread > 0) this.#unreadFrom = conversation.mine.read + 1;
    const times = this.#chat.surroundings.times.peek();
    const value = itemsOf(view.entries, this.#unreadFrom, (time) => times.dayKey(time));
    this.#items = { of: view, value };
    return value;
  }

  /** After drawing: stays at the end, or counts what came there. */
  drawn(entries: readonly TimelineEntry[]): void {
    const last = entries.at(-1);
    const before = this.#lastEntry;
    this.#lastEntry = last;
    if (last === undefined) return;
    if (!this.#wasPlaced) {
      this.#wasPlaced = true;
      if (this.#unreadFrom === undefined) this.#knowAll();
      else this.#knownTo = this.#unreadFrom - 1;
      this.#placeFirst();
      return;
    }
    this.#seekAgain();
    this.#showWanted();
    if (last.id === before?.id) return;
    // One's own, too: it may come from another device, and whoever sends here is led to the end by the composer.
    if (this.isAtEnd.peek()) this.toEnd();
    else this.#countNew();
  }

  toEnd(): void {
    this.isAtEnd.value = true;
    this.#knowAll();
    this.list?.scrollToIndex((this.#items?.value.length ?? 1) - 1, { align: "end" });
  }

  /** To the mark before the unread messages. */
  toUnread(): void {
    const index = this.#unreadIndex();
    if (index === undefined) return;
    this.#leadToMark(index);
    this.focusList();
  }

  /** The unread messages begin at the mark: what comes once they are read is not what the mark was set for. */
  isMarkUnread({ unread, mine }: ConversationView): boolean {
    return unread > 0 && this.#unreadFrom !== undefined && mine.read < this.#unreadFrom;
  }

  /** The mark before them stays where it is; only the button that leads there goes, and the focus with it. */
  markAllRead(): void {
    this.#chat.client.markRead(this.id);
    this.#knowAll();
    this.focusList();
  }

  openSheet({ id, seq, retracted }: TimelineEntry): void {
    if (seq !== undefined && !retracted) this.sheet.value = { id, asker: this.askerAt(id) };
  }

  /** What has the focus now, at this message. */
  askerAt(id: string): Asker {
    return { place: this.messageOf(id), button: document.activeElement };
  }

  closeSheet(): void {
    this.sheet.value = undefined;
  }

  /** Null while it is not in the document. */
  messageOf(id: string): HTMLElement | null {
    return this.scroller?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`) ?? null;
  }

  focusList(): void {
    this.scroller?.focus({ preventScroll: true });
  }

  /** Leads the keyboard to the first message that is loaded, or to the last one. */
  leadTo(end: "first" | "last"): void {
    const messages = (this.#items?.value ?? []).filter((item) => item.kind === "message");
    const { scroller } = this;
    const message = messages.at(end === "first" ? 0 : -1);
    if (message === undefined || scroller === undefined) return;
    this.aim.value = message.key;
    if (end === "last") this.toEnd();
    else {
      // What fits in sight has no beginning to scroll back to.
      if (scroller.scrollHeight - scroller.clientHeight >= END_PIXELS) this.isAtEnd.value = false;
      this.#lead(0, { align: "start" });
    }
    this.#focusTimer?.cancel();
    this.#offerFocus(FOCUS_OFFERS_MAX);
  }

  /** Sizes changed: the composer grew, a keyboard came, messages were measured. */
  resized(): void {
    if (this.isAtEnd.peek()) this.toEnd();
    else this.scrolled(this.list?.scrollOffset ?? 0);
  }

  /**
   * The composer grew or shrank. At once, before the browser says that it scrolled: that what is seen became higher
   * and lower again within a moment looks afterwards as if somebody had scrolled back.
   */
  keepEnd(): void {
    const { scroller } = this;
    if (scroller !== undefined && this.#wasPlaced && this.isAtEnd.peek()) {
      scroller.scrollTop = scroller.scrollHeight;
    }
  }

  scrolled(offset: number): void {
    const { scroller } = this;
    if (scroller === undefined || !this.#wasPlaced) return;
    // The list's own sizes are those of the last drawing.
    const isNear = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_PIXELS;
    // Growing content also leads away from the end; only people scroll back.
    if (isNear) {
      this.isAtEnd.value = true;
      this.#isLed = false;
      this.#knowAll();
    } else if (offset < this.#offset) this.isAtEnd.value = false;
    this.#offset = offset;
    this.#seeUnread(offset);
    this.#countNew();
    if (offset < BEGINNING_PIXELS) void this.loadOlder();
  }

  /** Somebody touches the list, or it has stood still: what scrolls from now on is people's doing. */
  letGo(): void {
    this.#isLed = false;
  }

  /** People scroll, unlike sizes that change, and unlike what leads the list somewhere. */
  showDay(offset: number): void {
    const { list } = this;
    if (list === undefined || !this.#wasPlaced || this.#isLed || this.isAtEnd.peek()) {
      this.isDayShown.value = false;
      return;
    }
    const inSight = this.#items?.value.slice(list.findItemIndex(offset)) ?? [];
    const top = inSight.find((item) => item.kind !== "unread");
    // A heading that is in sight says it itself.
    this.isDayShown.value = top?.kind === "message";
    if (top?.kind === "message") this.dayInSight.value = top.entry.time;
    this.#dayTimer?.cancel();
    this.#dayTimer = this.#chat.surroundings.environment.after(DAY_SHOWN_MS, () => {
      this.isDayShown.value = false;
    });
  }

  async loadOlder(): Promise<void> {
    const { client } = this.#chat;
    const { hasOlder, loading } = client.timeline(this.id);
    if (this.isLoadingOlder.peek() || !hasOlder || loading) return;
    this.isLoadingOlder.value = true;
    await this.#chat.attempt(() => client.loadOlder(this.id));
    // Alone, not together with a message that comes meanwhile: only then does the list know what to hold in its place.
    this.#chat.flush();
    this.isLoadingOlder.value = false;
  }

  /** After drawing, and when the end or the page comes into sight. */
  markRead(view: TimelineView): void {
    const { client, attention } = this.#chat;
    if (!this.isAtEnd.peek() || !attention.isAwake.peek() || view.loading) return;
    if (view.entries.some((entry) => entry.seq !== undefined)) client.markRead(this.id);
  }

  /** Scrolls to the message with this number, loading what lies between, and marks it for a moment. */
  async show(seq: number): Promise<void> {
    const { client, surroundings } = this.#chat;
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const { entries, hasOlder, loading } = client.timeline(this.id);
      const first = entries.find((entry) => entry.seq !== undefined)?.seq ?? 0;
      if (!hasOlder || first <= seq) break;
      if (loading) {
        this.#sought = seq;
        return;
      }
      if (!(await this.#chat.attempt(() => client.loadOlder(this.id)))) return;
    }
    if (!client.timeline(this.id).entries.some((entry) => entry.seq === seq)) {
      this.#chat.tell(surroundings.catalogue.peek().originalMissing);
      return;
    }
    this.#wanted = seq;
    this.#showWanted();
  }

  #seekAgain(): void {
    const seq = this.#sought;
    if (seq === undefined || this.#chat.client.timeline(this.id).loading) return;
    this.#sought = undefined;
    void this.show(seq);
  }

  /** What was just loaded can be scrolled to only once it is drawn. */
  #showWanted(): void {
    const seq = this.#wanted;
    const index = seq === undefined ? undefined : this.#indexOf(seq);
    if (index === undefined) return;
    this.#wanted = undefined;
    this.isAtEnd.value = false;
    this.#lead(index, { align: "center" });
    this.flashing.value = seq;
    this.#flashTimer?.cancel();
    this.#flashTimer = this.#chat.surroundings.environment.after(FLASH_MS, () => {
      this.flashing.value = undefined;
    });
  }

  #unreadIndex(): number | undefined {
    const index = this.#items?.value.findIndex((item) => item.kind === "unread") ?? -1;
    return index < 0 ? undefined : index;
  }

  /** By what the list knows already; nothing is measured. */
  #seeUnread(offset: number): void {
    const { list } = this;
    const index = this.#unreadIndex();
    if (list === undefined || index === undefined) return;
    const top = list.getItemOffset(index);
    if (top + list.getItemSize(index) <= offset) this.unreadSide.value = "above";
    else this.unreadSide.value = top >= offset + list.viewportSize ? "below" : undefined;
  }

  #offerFocus(offersLeft: number): void {
    const aim = this.aim.peek();
    if (aim === undefined) return;
    const message = this.messageOf(aim);
    message?.focus({ preventScroll: true });
    const isThere = message !== null && message === document.activeElement;
    if (isThere || offersLeft === 0) {
      this.aim.value = undefined;
      return;
    }
    const { environment } = this.#chat.surroundings;
    this.#focusTimer = environment.after(FOCUS_OFFER_MS, () => this.#offerFocus(offersLeft - 1));
  }

  #indexOf(seq: number): number | undefined {
    const items = this.#items?.value ?? [];
    const index = items.findIndex((item) => item.kind === "message" && item.entry.seq === seq);
    return index < 0 ? undefined : index;
  }

  /** To the message that the address names, to the first unread one, or to the end. */
  #placeFirst(): void {
    const { seq } = this.#chat.place.peek();
    const unread = this.#unreadIndex();
    if (seq !== undefined) {
      // At once, so that nothing leads to the end while it is looked for.
      this.isAtEnd.value = false;
      void this.show(seq);
    } else if (unread !== undefined) this.#leadToMark(unread);
    else this.toEnd();
  }

  #leadToMark(index: number): void {
    this.isAtEnd.value = false;
    this.#lead(index, { align: "start", offset: -ABOVE_MARK_PIXELS });
  }

  #lead(index: number, where: ScrollToIndexOpts): void {
    this.#isLed = true;
    this.list?.scrollToIndex(index, where);
  }

  /** Nothing that is here is new. */
  #knowAll(): void {
    const { entries } = this.#chat.client.timeline(this.id);
    this.#knownTo = entries.findLast(({ seq }) => seq !== undefined)?.seq ?? 0;
    this.newCount.value = 0;
  }

  /** From the last one back, as far as they are below what is in sight. */
  #countNew(): void {
    const { list } = this;
    const items = this.#items?.value ?? [];
    if (list === undefined || this.#knownTo === undefined || this.isAtEnd.peek()) return;
    const lowest = list.findItemIndex(list.scrollOffset + list.viewportSize);
    let count = 0;
    for (let index = items.length - 1; index > lowest; index -= 1) {
      const item = items[index];
      if (item?.kind !== "message") continue;
      const { mine, seq = Number.POSITIVE_INFINITY } = item.entry;
      if (seq <= this.#knownTo) break;
      if (!mine) count += 1;
    }
    this.newCount.value = count;
  }
}
