/** How conversations stand in the list, by their user's choice on this device: muted, pinned, archived. */
import type { Client, ConversationView } from "@duologue/client";
import { type Signal, signal } from "@preact/signals";

export const marks = ["muted", "pinned", "archived"] as const;
export type Mark = (typeof marks)[number];

export interface Standing {
  readonly muted: boolean;
  readonly pinned: boolean;
  /** The number of the last message when it was archived, 0 without one; undefined: it is not archived. */
  readonly archivedAt: number | undefined;
}

/** What is needed of a conversation here. */
export type Placed = Pick<ConversationView, "id" | "peer" | "lastMessage">;

/** The list as far as it is known, and how more of it is got. */
export interface ListSource
  extends Pick<Client, "conversationsLoaded" | "hasMoreConversations" | "connection" | "loadConversations"> {
  readonly conversations: readonly Placed[];
}

/** Where choices are kept; another tab of the same browser has the same. */
export interface StandingsStore {
  read(): string | undefined;
  write(text: string | undefined): void;
  /** Calls when another tab wrote. What it returns ends that. */
  onChange(listener: () => void): () => void;
}

type All = ReadonlyMap<string, Standing>;

/** As many conversations can be marked; a further one costs the one marked longest ago its marks. */
const MOST_MARKED = 300;
const plain: Standing = { muted: false, pinned: false, archivedAt: undefined };

export class Standings {
  readonly #store: StandingsStore;
  readonly #all: Signal<All>;
  readonly #stopFollowing: () => void;
  #isListGoingOn = false;
  #isCurrent = false;

  constructor(store: StandingsStore) {
    this.#store = store;
    this.#all = signal(parse(store.read()));
    this.#stopFollowing = store.onChange(() => {
      this.#all.value = parse(store.read());
    });
  }

  /** Also calls at once. What it returns ends that. */
  subscribe(listener: () => void): () => void {
    return this.#all.subscribe(listener);
  }

  of(conversation: string): Standing {
    return this.#all.value.get(conversation) ?? plain;
  }

  has(conversation: string, mark: Mark): boolean {
    const standing = this.of(conversation);
    return mark === "archived" ? standing.archivedAt !== undefined : standing[mark];
  }

  set(conversation: Placed, mark: Mark, isOn: boolean): void {
    const before = this.of(conversation.id);
    const last = conversation.lastMessage?.seq ?? 0;
    this.#change(conversation.id, marked(before, mark, isOn, last));
  }

  /** The pinned ones first, otherwise in the order given; the archived ones apart. */
  arrange<T extends Placed>(conversations: readonly T[]): { readonly listed: T[]; readonly archived: T[] } {
    const listed = conversations.filter(({ id }) => !this.has(id, "archived"));
    const archived = conversations.filter(({ id }) => this.has(id, "archived"));
    const [pinned, others] = [true, false].map((isPinned) =>
      listed.filter(({ id }) => this.of(id).pinned === isPinned),
    );
    return { listed: [...(pinned ?? []), ...(others ?? [])], archived };
  }

  /** After each change of the client. */
  update(source: ListSource): void {
    const { conversations, conversationsLoaded, hasMoreConversations, connection } = source;
    this.#settle(conversations);
    if (!conversationsLoaded) return;
    if (hasMoreConversations) {
      const isWanted = connection.kind === "online" && this.#isPinMissing(conversations);
      if (isWanted && !this.#isListGoingOn) void this.#goOnWithList(source);
    } else if (!this.#isCurrent) {
      // Once: what another tab begins later may be known there first.
      this.#isCurrent = true;
      this.#dropOthers(conversations);
    }
  }

  forget(): void {
    this.#keep(new Map());
  }

  close(): void {
    this.#stopFollowing();
  }

  /** Takes out of the archive whatever has got a new message of the other side, unless it is muted. */
  #settle(conversations: readonly Placed[]): void {
    for (const { id, peer, lastMessage } of conversations) {
      const standing = this.#all.peek().get(id);
      if (standing?.archivedAt === undefined || standing.muted || lastMessage?.from !== peer.id) continue;
      if (lastMessage.seq > standing.archivedAt) this.#change(id, { ...standing, archivedAt: undefined });
    }
  }

  /** Then the list has to go on until it is there. */
  #isPinMissing(conversations: readonly Placed[]): boolean {
    const known = new Set(conversations.map(({ id }) => id));
    return [...this.#all.peek()].some(
      ([id, { pinned, archivedAt }]) => pinned && archivedAt === undefined && !known.has(id),
    );
  }

  /** Nobody asked for it, so nobody is told when it fails; the next change tries again. */
  async #goOnWithList(source: ListSource): Promise<void> {
    this.#isListGoingOn = true;
    await source.loadConversations().catch(() => {});
    this.#isListGoingOn = false;
  }

  /** Of conversations that exist no more, nothing is kept. */
  #dropOthers(conversations: readonly Placed[]): void {
    const known = new Set(conversations.map(({ id }) => id));
    const kept = [...this.#all.peek()].filter(([id]) => known.has(id));
    if (kept.length < this.#all.peek().size) this.#keep(new Map(kept));
  }

  #change(conversation: string, standing: Standing): void {
    // Another tab's last choice may be kept and not yet told here; it must not be lost by this one.
    const text = this.#store.read();
    const all = new Map(text === undefined ? this.#all.peek() : parse(text));
    all.delete(conversation);
    if (standing.muted || standing.pinned || standing.archivedAt !== undefined) {
      all.set(conversation, standing);
    }
    this.#keep(bounded(all));
  }

  #keep(all: All): void {
    this.#store.write(all.size === 0 ? undefined : JSON.stringify([...all]));
    this.#all.value = all;
  }
}

function marked(before: Standing, mark: Mark, isOn: boolean, last: number): Standing {
  switch (mark) {
    case "muted": {
      // What came while it was muted was not to bring it back, and does not do so afterwards.
      const archivedAt = before.archivedAt === undefined ? undefined : last;
      return { ...before, muted: isOn, archivedAt };
    }
    case "pinned":
      return { ...before, pinned: isOn };
    case "archived":
      return { ...before, archivedAt: isOn ? last : undefined };
    default:
      return mark satisfies never;
  }
}

function bounded(all: All): All {
  return new Map([...all].slice(-MOST_MARKED));
}

/** Whatever is kept there and is none of ours counts as nothing. */
function parse(text: string | undefined): All {
  const all = new Map<string, Standing>();
  for (const entry of entriesIn(text)) {
    if (!Array.isArray(entry)) continue;
    const [id, standing]: readonly unknown[] = entry;
    if (typeof id !== "string" || typeof standing !== "object" || standing === null) continue;
    const { muted, pinned, archivedAt } = standing as Readonly<Record<keyof Standing, unknown>>;
    all.set(id, {
      muted: muted === true,
      pinned: pinned === true,
      archivedAt: typeof archivedAt === "number" ? archivedAt : undefined,
    });
  }
  return bounded(all);
}

function entriesIn(text: string | undefined): readonly unknown[] {
  try {
    const entries: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(entries) ? entries : [];
  } catch {
    return [];
  }
}
