/** The user's conversations: summaries of all that are known, and the messages of those that are looked at. */
import type { Conversation, ConversationEvent, ServerFrameOf, User } from "@duologue/protocol";
import type { ChangesPage, Step } from "./catch-up.ts";
import { EMPTY_VIEW, type Held, hold, type TimelineView } from "./held.ts";
import { HOLE_EVENTS, TIMELINES_HELD } from "./limits.ts";
import { Lookups } from "./lookups.ts";
import type { Marks } from "./marks.ts";
import type { Outbox } from "./outbox.ts";
import type { Requests } from "./requests.ts";
import type { Seen } from "./seen.ts";
import { applyEventToSummary, applyMarkersToSummary, mergeSummary } from "./summary.ts";
import {
  emptyTimeline,
  eventFromAck,
  excessOf,
  findRepair,
  hasOlder,
  reduceTimeline,
  type Timeline,
  type TimelineChange,
  viewTimeline,
} from "./timeline.ts";

export interface ConversationsOptions {
  readonly requests: Requests;
  readonly outbox: Outbox;
  readonly marks: Marks;
  readonly seen: Seen;
  readonly me: () => string;
  readonly changed: () => void;
}

export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #summaries = new Map<string, Conversation>();
  /** When something last happened in each, ms since 1970 by the server's clock: their order in the list. */
  readonly #changedAt = new Map<string, number>();
  /** Insertion order is the order of use. */
  readonly #held = new Map<string, Held>();
  readonly #lookups: Lookups;
  #list: "unloaded" | "loading" | { readonly next: string | undefined } = "unloaded";

  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#lookups = new Lookups(options.requests, (conversation) => this.merge(conversation));
  }

  /** The one that changed last first. */
  all(): readonly Conversation[] {
    const at = (summary: Conversation): number => this.#changedAt.get(summary.id) ?? 0;
    return [...this.#summaries.values()].sort(
      (one, other) => at(other) - at(one) || (one.id < other.id ? -1 : 1),
    );
  }

  get(id: string): Conversation | undefined {
    return this.#summaries.get(id);
  }

  get hasMore(): boolean {
    return typeof this.#list === "object" && this.#list.next !== undefined;
  }

  get isListLoaded(): boolean {
    return typeof this.#list === "object";
  }

  view(id: string): TimelineView {
    const held = this.#held.get(id);
    const summary = this.#summaries.get(id);
    if (held === undefined || summary === undefined) return EMPTY_VIEW;
    const { outbox } = this.#options;
    // Nothing was loaded, so that nothing is there does not mean that nothing was written.
    const loading = held.loading || held.isNew;
    const of = [held.timeline, loading, summary.theirs, outbox.version];
    if (held.view?.of.every((part, index) => part === of[index])) return held.view.value;
    const value: TimelineView = {
      entries: viewTimeline(held.timeline, outbox.entries(id), {
        me: this.#options.me(),
        theirs: summary.theirs,
      }),
      hasOlder: hasOlder(held.timeline),
      loading,
    };
    held.view = { of, value };
    return value;
  }

  /** Of the conversations looked at, the last one first. */
  timelines(): ReadonlyMap<string, Timeline> {
    const loaded = [...this.#held].filter(([, held]) => !held.isNew);
    return new Map(loaded.reverse().map(([id, held]) => [id, held.timeline]));
  }

  /**
   * What `all` and `timelines` gave at an earlier visit. What changed since comes with the next connection; the list still
   * counts as not loaded, because names change without a step of the cursor.
   */
  restore(summaries: readonly Conversation[], timelines: ReadonlyMap<string, Timeline>): void {
    for (const [id, timeline] of [...timelines].reverse()) this.#held.set(id, hold(timeline, false));
    for (const summary of summaries) this.merge(summary);
  }

  loadList(): void {
    if (this.#list !== "unloaded") return;
    this.#list = "loading";
    this.#options.requests.start<"conversations">({ type: "conversations" }, true, {
      done: (answer) => this.#onList(answer),
      failed: () => {
        this.#list = "unloaded";
      },
    });
  }

  async loadMore(): Promise<void> {
    if (typeof this.#list !== "object" || this.#list.next === undefined) return;
    this.#onList(
      await this.#options.requests.promise<"conversations">({
        type: "conversations",
        before: this.#list.next,
      }),
    );
  }

  async open(id: string): Promise<void> {
    this.hold(id);
    if (this.#summaries.has(id)) return;
    try {
      const { conversation } = await this.#options.requests.promise<"open">({
        type: "open",
        conversation: id,
      });
      this.merge(conversation);
    } catch (error) {
      if (!this.#summaries.has(id)) this.#held.delete(id);
      throw error;
    }
  }

  /** Keeps the conversation's messages from now on, and loads the last ones. */
  hold(id: string): void {
    const held = this.#held.get(id) ?? hold(emptyTimeline, true);
    // Somebody looks here now.
    for (const other of this.#held.keys()) if (other !== id) this.setAtEnd(other, true);
    this.#held.delete(id);
    this.#held.set(id, held);
    const [oldest] = this.#held.keys();
    if (this.#held.size > TIMELINES_HELD && oldest !== undefined) this.#held.delete(oldest);
    this.#repair(id);
    this.askSeen();
  }

  /** When the peer of the conversation looked at was last there, unless it is known or the list will say it. */
  askSeen(): void {
    const summary = this.#summaries.get([...this.#held.keys()].at(-1) ?? "");
    if (summary !== undefined && this.#list !== "loading" && this.#options.seen.isWanted(summary))
      this.#lookups.ask(summary.id);
  }

  async loadOlder(id: string): Promise<void> {
    const held = this.#held.get(id);
    const first = held?.timeline.events[0]?.seq;
    if (held === undefined || held.loading || first === undefined || first <= 1) return;
    held.isBack = true;
    this.#setLoading(held, true);
    try {
      const page = await this.#options.requests.promise<"history">({
        type: "history",
        conversation: id,
        before: first,
      });
      this.#change(id, { kind: "history", events: page.events, revisions: page.revisions });
    } finally {
      this.#setLoading(held, false);
    }
    this.#repair(id);
  }

  /** Only of a conversation whose reader is at the end, the oldest of very many events are forgotten. */
  setAtEnd(id: string, isAtEnd: boolean): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.isBack = !isAtEnd;
    this.#forgetExcess(held);
  }

  /** Takes a summary from the server in. */
  merge(fresh: Conversation): void {
    this.#take(fresh);
    this.#touch(fresh.id, fresh.lastMessage?.time ?? 0);
    this.#repair(fresh.id);
  }

  apply(step: Step): void {
    switch (step.type) {
      case "event":
        this.#onEvent(step);
        return;
      case "ack": {
        const entry = this.#options.outbox.confirm(step.id);
        if (entry !== undefined) this.#onEvent(eventFromAck(entry, step, this.#options.me()));
        else if ((this.#summaries.get(step.conversation)?.lastSeq ?? 0) < step.seq)
          this.#lookups.ask(step.conversation);
        return;
      }
      case "markers": {
        const summary = this.#summaries.get(step.conversation);
        if (summary === undefined) this.#lookups.ask(step.conversation);
        else this.#set(applyMarkersToSummary(summary, step, this.#options.me()));
        return;
      }
      default:
        step satisfies never;
    }
  }

  applyPage(page: ChangesPage): void {
    const byConversation = new Map<string, ConversationEvent[]>();
    for (const event of page.events) {
      if (event.from === this.#options.me()) this.#options.outbox.confirm(event.id);
      const events = byConversation.get(event.conversation) ?? [];
      events.push(event);
      byConversation.set(event.conversation, events);
    }
    for (const [id, events] of byConversation) this.#change(id, { kind: "events", events });
    for (const summary of page.conversations) {
      this.#take(summary);
      this.#touch(summary.id, byConversation.get(summary.id)?.at(-1)?.time ?? summary.lastMessage?.time ?? 0);
    }
    // Filling holes waits for the last page: what is missing now is on the pages to come.
    if (!page.more) this.repairAll();
  }

  /** The server's answer to a cursor it cannot go on from: nothing that is known can be trusted to be whole. */
  reset(): void {
    this.#summaries.clear();
    this.#changedAt.clear();
    for (const held of this.#held.values()) {
      held.timeline = emptyTimeline;
      held.isNew = true;
      held.isBack = false;
    }
    this.#list = "unloaded";
    this.loadList();
    for (const id of this.#held.keys()) this.#lookups.ask(id);
  }

  /** After a connection: whatever of the messages looked at is not loaded. */
  repairAll(): void {
    for (const id of this.#held.keys()) {
      if (this.#summaries.has(id)) this.#repair(id);
      else this.#lookups.ask(id);
    }
  }

  /** Asks again for whatever is missing because no answer came. */
  onPong(): void {
    this.loadList();
    this.#lookups.askAgain();
    this.repairAll();
  }

  markDelivered(id: string): void {
    const summary = this.#summaries.get(id);
    if (summary !== undefined) this.#options.marks.delivered(summary);
  }

  renamePeer(user: User): void {
    for (const summary of this.#summaries.values()) {
      if (summary.peer.id === user.id) this.#summaries.set(summary.id, { ...summary, peer: user });
    }
  }

  clear(): void {
    this.#summaries.clear();
    this.#changedAt.clear();
    this.#held.clear();
    this.#lookups.clear();
    this.#list = "unloaded";
  }

  #onEvent(event: ConversationEvent): void {
    const { outbox, me } = this.#options;
    if (event.from === me()) outbox.confirm(event.id);
    this.#change(event.conversation, { kind: "events", events: [event] });
    const summary = this.#summaries.get(event.conversation);
    if (summary === undefined) {
      this.#lookups.ask(event.conversation);
      return;
    }
    this.#set(applyEventToSummary(summary, event, me()));
    this.#touch(event.conversation, event.time);
    this.#repair(event.conversation);
  }

  #onList(answer: ServerFrameOf<"conversations">): void {
    this.#list = { next: answer.next };
    for (const summary of answer.conversations) this.merge(summary);
    this.askSeen();
    this.#options.changed();
  }

  #repair(id: string): void {
    const held = this.#held.get(id);
    const summary = this.#summaries.get(id);
    if (held === undefined || held.loading) return;
    const before = summary && this.#missing(id, held, summary.lastSeq);
    // The last page can be asked for without its number, beside the summary.
    if (before === undefined && (summary !== undefined || !held.isNew)) return;
    this.#setLoading(held, true);
    const request = {
      type: "history" as const,
      conversation: id,
      ...(before === undefined ? {} : { before }),
    };
    this.#options.requests.start<"history">(request, false, {
      done: (page) => {
        const known = held.timeline;
        held.isNew = false;
        this.#change(id, { kind: "history", events: page.events, revisions: page.revisions });
        this.#setLoading(held, false);
        // A page that brought nothing new would be asked for again and again.
        if (held.timeline !== known) this.#repair(id);
      },
      failed: () => this.#setLoading(held, false),
    });
  }

  /** The `before` of the page that is to be loaded next. */
  #missing(id: string, held: Held, lastSeq: number): number | undefined {
    if (lastSeq === 0) held.isNew = false;
    if (held.isNew) return lastSeq + 1;
    let repair = findRepair(held.timeline, lastSeq, held.isBack ? Number.POSITIVE_INFINITY : HOLE_EVENTS);
    if (repair.kind === "forget") {
      this.#change(id, repair);
      repair = findRepair(held.timeline, lastSeq);
    }
    return repair.kind === "load" ? repair.before : undefined;
  }

  #change(id: string, change: TimelineChange): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    held.timeline = reduceTimeline(held.timeline, change);
    this.#forgetExcess(held);
    this.#options.changed();
  }

  #forgetExcess(held: Held): void {
    // Below what is forgotten now, a page that is on its way would leave a hole.
    const excess = held.isBack || held.loading ? undefined : excessOf(held.timeline);
    if (excess === undefined) return;
    held.timeline = reduceTimeline(held.timeline, excess);
    this.#options.changed();
  }

  #setLoading(held: Held, loading: boolean): void {
    held.loading = loading;
    this.#forgetExcess(held);
    this.#options.changed();
  }

  #take(fresh: Conversation): void {
    this.#options.seen.learn(fresh);
    this.#set(mergeSummary(this.#summaries.get(fresh.id), fresh));
  }

  #set(summary: Conversation): void {
    this.#summaries.set(summary.id, summary);
    const { marks, changed } = this.#options;
    marks.confirmed(summary);
    if (summary.lastSeq > summary.mine.delivered && summary.unread > 0) marks.delivered(summary);
    changed();
  }

  #touch(id: string, time: number): void {
    this.#changedAt.set(id, Math.max(time, this.#changedAt.get(id) ?? 0));
  }
}
