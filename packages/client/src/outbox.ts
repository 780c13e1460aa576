/**
 * What the user wrote and the server has not acknowledged: kept over cuts and reloads, written in order, repeated until it
 * is acknowledged or refused for good. A repeat is harmless, because the id stays the same (SPEC CV6).
 */
import type { ClientFrame, ServerFrameOf } from "@duologue/protocol";
import type { Environment, Timer } from "./environment.ts";
import { OutboxFullError, type ServerError, toServerError } from "./errors.ts";
import { ANSWER_WAIT_MS, OUTBOX_ENTRIES, OUTBOX_GONE } from "./limits.ts";
import {
  afterLoss,
  afterRepeat,
  entryText,
  mayBeSent,
  type OutboxEntry,
  type OutboxFrame,
  type OutboxState,
  parseEntry,
  QUEUED,
  refused,
} from "./outbox-entry.ts";
import { OutboxWriter } from "./outbox-writer.ts";
import { Overdue } from "./overdue.ts";
import { afterRefusal } from "./policy.ts";
import { type ClientStorage, whenLoaded } from "./storage.ts";

export interface OutboxOptions {
  readonly environment: Environment;
  readonly storage: ClientStorage;
  readonly write: (frame: ClientFrame) => boolean;
  readonly changed: () => void;
  /** An answer does not come: it is to be found out whether the connection lives. */
  readonly unanswered: () => void;
  /** The user's other tabs, if they share the connection. */
  readonly peers?: OutboxPeers;
}

export interface OutboxPeers {
  /** From the tab that leads: how a message stands now. */
  changed(entry: OutboxEntry): void;
  /** To the tab that leads. */
  add(entry: OutboxEntry): void;
  retry(id: string): void;
  /** To all: whoever leads next must know it too. */
  discard(id: string): void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #writer: OutboxWriter;
  /** Looked at while something is on its way. */
  readonly #unanswered = new Overdue();
  #answerTimer: Timer | undefined;
  /** By id; the order of insertion is the order of sending. */
  #entries = new Map<string, OutboxEntry>();
  /** False while another tab sends what is here. */
  #leads = true;
  /** Until the first connection, own or another tab's, says whether this tab leads. */
  #isUndecided = true;
  /** Added here, and not yet seen at the tab that leads. */
  readonly #handed = new Set<string>();
  /** Acknowledged or discarded; the youngest last. */
  readonly #gone = new Map<string, "confirmed" | "discarded">();
  #user: string | undefined;
  #isStale = false;
  /** The last id that an earlier visit left; what is written now comes behind it. */
  lastId = "";
  #loading: { readonly user: string } | undefined;
  #version = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    const { environment, write } = options;
    this.#writer = new OutboxWriter({ environment, write, ready: () => this.#pump() });
  }

  /** In the order of sending. */
  entries(conversation: string): readonly OutboxEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.frame.conversation === conversation);
  }

  get(id: string): OutboxEntry | undefined {
    return this.#entries.get(id);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Another number after every change. */
  get version(): number {
    return this.#version;
  }

  /** Takes over what this user left unsent, earlier or in another tab. Nothing is written until that is known. */
  load(user: string): void {
    if (this.#user === user && !this.#isStale) return;
    if (this.#user !== user) this.#entries.clear();
    this.#isStale = false;
    this.#user = user;
    const loading = { user };
    this.#loading = loading;
    whenLoaded(this.#options.storage, this.#options.environment, () => {
      if (this.#loading === loading) this.#loading = undefined;
      this.#take(user);
      this.#pump();
    });
  }

  /** Before a login: shows what the storage lists for this user. Other tabs may change that, so `load` looks again. */
  preview(user: string): void {
    this.#user = user;
    this.#isStale = true;
    this.#take(user);
  }

  #take(user: string): void {
    if (this.#user !== user) return;
    const found = [...this.#entries.values()];
    for (const text of this.#options.storage.list(this.#key("")).values()) {
      const entry = parseEntry(text);
      if (entry === undefined || this.#gone.has(entry.frame.id)) continue;
      if (!this.#entries.has(entry.frame.id)) found.push(entry);
    }
    found.sort((one, other) => (one.frame.id < other.frame.id ? -1 : 1));
    this.#entries = new Map(found.slice(0, OUTBOX_ENTRIES).map((entry) => [entry.frame.id, entry]));
    this.lastId = found.at(-1)?.frame.id ?? "";
    this.#changed();
  }

  /** With a refusal it only stands there as failed. Throws OutboxFullError above OUTBOX_ENTRIES. */
  add(frame: OutboxFrame, refusal?: ServerError): void {
    if (this.#entries.size >= OUTBOX_ENTRIES) throw new OutboxFullError();
    const state: OutboxState = refusal === undefined ? QUEUED : { kind: "failed", error: refusal };
    const entry = { frame, createdAt: this.#options.environment.now(), state };
    if (this.#mayFollow) this.#handOver(entry);
    this.#put(entry);
    this.#pump();
  }

  /** The server has it: gives back what it was, or undefined when it was not here. */
  confirm(id: string): OutboxEntry | undefined {
    const entry = this.#entries.get(id);
    this.#forget(id, "confirmed");
    if (entry === undefined) return undefined;
    this.#writer.accepted(entry.frame);
    this.#drop(id);
    this.#pump();
    return entry;
  }

  /** True when the refusal was about an entry. */
  refuse(error: ServerFrameOf<"error">): boolean {
    const entry = error.id === undefined ? undefined : this.#entries.get(error.id);
    if (entry === undefined) return false;
    const decision = afterRefusal(error);
    switch (decision.kind) {
      case "fail":
        this.#writer.forget(entry.frame.id);
        this.#put(refused(entry, toServerError(error)));
        break;
      case "retry": {
        this.#put(decision.isUncertain ? afterLoss(entry) : { ...entry, state: QUEUED });
        const place = decision.scope === "everything" ? "" : entry.frame.conversation;
        this.#writer.refused(entry.frame);
        this.#writer.pause(place, decision.delayMs);
        break;
      }
      default:
        decision satisfies never;
    }
    this.#pump();
    return true;
  }

  /** Sends a failed one again, after everything else that waits. */
  retry(id: string): void {
    const entry = this.#entries.get(id);
    if (entry?.state.kind !== "failed") return;
    this.#entries.delete(id);
    this.#put({ ...entry, state: QUEUED });
    if (this.#mayFollow) this.#options.peers?.retry(id);
    this.#pump();
  }

  /**
   * Forgets one that the server cannot have; false when it was written and not refused since, also over a connection or by a
   * page that is gone: it will be sent again, and then stands. Where another tab sends, true says that it was told: one that
   * it had just written comes back.
   */
  discard(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || mayBeSent(entry)) return false;
    this.#forget(id, "discarded");
    this.#drop(id);
    this.#options.peers?.discard(id);
    return true;
  }

  all(): readonly OutboxEntry[] {
    return [...this.#entries.values()];
  }

  /** This tab sends from now on. What others left in the storage is looked for at the next `load`. */
  lead(): void {
    this.#isUndecided = false;
    if (this.#leads) return;
    this.#leads = true;
    this.#handed.clear();
    this.#isStale = true;
    // What was on its way went over another tab's connection, which is gone.
    for (const [id, entry] of this.#entries) this.#entries.set(id, afterLoss(entry));
  }

  /** Another tab sends from now on, and this is what it has; what it cannot know yet is handed over. */
  follow(user: string, entries: readonly OutboxEntry[]): void {
    const isSame = this.#user === user;
    const own = isSame ? this.all().filter(({ frame }) => this.#leads || this.#handed.has(frame.id)) : [];
    this.#leads = false;
    this.#isUndecided = false;
    this.#user = user;
    this.#loading = undefined;
    this.#entries = new Map(entries.map((entry) => [entry.frame.id, entry]));
    for (const [id, way] of this.#gone) {
      if (this.#entries.delete(id) && way === "discarded") this.#options.peers?.discard(id);
    }
    for (const entry of own) {
      if (this.#entries.has(entry.frame.id)) continue;
      this.#entries.set(entry.frame.id, entry);
      this.#handOver(entry);
    }
    this.#changed();
  }

  /** Follower: the tab that leads says how a message stands. */
  receive(entry: OutboxEntry): void {
    const { id } = entry.frame;
    if (this.#leads || this.#gone.get(id) === "confirmed") return;
    this.#handed.delete(id);
    this.#gone.delete(id);
    this.#entries.set(id, entry);
    this.#changed();
  }

  /** Leader: another tab hands a message over. A repeat of one that the server has is answered by the server. */
  receiveAdded(entry: OutboxEntry): void {
    const known = this.#entries.get(entry.frame.id);
    if (known !== undefined) this.#options.peers?.changed(known);
    else if (this.#gone.get(entry.frame.id) !== "discarded") this.#put(entry);
    // The tab found it in the storage before it could hear that it was discarded.
    else this.#options.peers?.discard(entry.frame.id);
    this.#pump();
  }

  /** Another tab discarded it. */
  receiveDiscarded(id: string): void {
    const entry = this.#entries.get(id);
    if (this.#leads && entry !== undefined && mayBeSent(entry)) {
      // Too late: it may have reached the server, so it comes back there.
      this.#put(entry);
      return;
    }
    this.#forget(id, "discarded");
    if (entry !== undefined) this.#drop(id);
  }

  connected(framesPerSecond: number): void {
    this.#writer.connected(framesPerSecond);
    this.#pump();
  }

  disconnected(): void {
    this.#writer.disconnected();
    this.#answerTimer?.cancel();
    this.#answerTimer = undefined;
    this.#unanswered.clear();
    for (const [id, entry] of this.#entries) this.#entries.set(id, afterLoss(entry));
    this.#changed();
  }

  /** Repeats what has been on its way since the last pong: its answer was lost. */
  onPong(): void {
    if (!this.#leads) return;
    for (const entry of this.#writer.repeat(this.#entries.values())) this.#put(afterRepeat(entry));
  }

  /** Forgets the user and everything of theirs, in the storage too. */
  clear(): void {
    this.disconnected();
    for (const id of [...this.#entries.keys()]) this.#drop(id);
    this.#user = undefined;
    this.#loading = undefined;
  }

  /** A tab that leads already does not look into the storage for what others write. */
  get #mayFollow(): boolean {
    return !this.#leads || (this.#isUndecided && this.#options.peers !== undefined);
  }

  #pump(): void {
    if (!this.#leads || this.#loading !== undefined) return;
    const written = this.#writer.write(this.#entries.values());
    for (const entry of written) {
      // Setting a key that is there keeps its place in the order.
      this.#entries.set(entry.frame.id, entry);
      // A reload must not forget that the server may have it.
      this.#store(entry);
      this.#options.peers?.changed(entry);
    }
    if (written.length === 0) return;
    this.#changed();
    this.#awaitAnswers();
  }

  /** A frame or its answer that went astray, or a dead connection, is noticed long before the next ping. */
  #awaitAnswers(): void {
    this.#answerTimer ??= this.#options.environment.after(ANSWER_WAIT_MS, () => {
      this.#answerTimer = undefined;
      const sending = this.all().flatMap(({ frame, state }) => (state.kind === "sending" ? [frame.id] : []));
      if (this.#unanswered.look(sending).length > 0) this.#options.unanswered();
      if (sending.length > 0) this.#awaitAnswers();
    });
  }

  #put(entry: OutboxEntry): void {
    this.#entries.set(entry.frame.id, entry);
    this.#store(entry);
    if (this.#leads) this.#options.peers?.changed(entry);
    this.#changed();
  }

  #store(entry: OutboxEntry): void {
    this.#options.storage.set(this.#key(entry.frame.id), entryText(entry));
  }

  #handOver(entry: OutboxEntry): void {
    this.#handed.add(entry.frame.id);
    this.#options.peers?.add(entry);
  }

  #forget(id: string, way: "confirmed" | "discarded"): void {
    this.#handed.delete(id);
    if (this.#options.peers === undefined) return;
    this.#gone.set(id, way);
    const [oldest] = this.#gone.keys();
    if (this.#gone.size > OUTBOX_GONE && oldest !== undefined) this.#gone.delete(oldest);
  }

  #drop(id: string): void {
    this.#entries.delete(id);
    this.#writer.forget(id);
    this.#options.storage.remove(this.#key(id));
    this.#changed();
  }

  #changed(): void {
    this.#version += 1;
    this.#options.changed();
  }

  #key(id: string): string {
    return `outbox/${this.#user ?? ""}/${id}`;
  }
}
