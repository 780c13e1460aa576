/** A small world for the contract's tests: a store under test, its people, and everything it published. */
import type { Body, ConversationEvent } from "@duologue/protocol";
import { type Clock, systemClock } from "../../clock.ts";
import type { EventNote, MarkersNote, Note } from "../../ports/bus.ts";
import {
  type Appended,
  type ChangesPage,
  type ConversationId,
  type Draft,
  decodeCursor,
  type Position,
  type Refused,
  type Store,
  type UserId,
  type UserRecord,
} from "../../ports/store.ts";

export interface StoreSetup {
  readonly clock: Clock;
  readonly publish: (to: readonly UserId[], note: Note) => void;
}

export interface OpenStore extends AsyncDisposable {
  readonly store: Store;
}

/** One body of data, empty at first; opened again it holds what was committed. Disposing of it removes it. */
export interface StoreFixture extends AsyncDisposable {
  open(setup: StoreSetup): Promise<OpenStore>;
}

export type MakeStore = () => Promise<StoreFixture>;

export interface Published {
  readonly to: readonly UserId[];
  readonly note: Note;
}

export interface Pair {
  readonly conversation: ConversationId;
  readonly ann: UserId;
  readonly bob: UserId;
}

export const START_MS = 1_700_000_000_000;

export class World implements AsyncDisposable {
  /** What the store's clock says. */
  now = START_MS;
  readonly published: Published[] = [];
  readonly #fixture: StoreFixture;
  #open: OpenStore | undefined;

  private constructor(fixture: StoreFixture) {
    this.#fixture = fixture;
  }

  static async begin(makeStore: MakeStore): Promise<World> {
    const world = new World(await makeStore());
    await world.reopen();
    return world;
  }

  get store(): Store {
    if (this.#open === undefined) throw new Error("the store is closed");
    return this.#open.store;
  }

  /** As after a restart of the server. */
  async reopen(): Promise<void> {
    await this.#open?.[Symbol.asyncDispose]();
    this.#open = undefined;
    this.#open = await this.#fixture.open({
      clock: { ...systemClock, now: () => this.now },
      publish: (to, note) => this.published.push({ to, note }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.[Symbol.asyncDispose]();
    await this.#fixture[Symbol.asyncDispose]();
  }

  async user(name = "Somebody", kind: UserRecord["kind"] = "guest"): Promise<UserId> {
    const user = { id: `u_${systemClock.randomId()}`, name, kind, createdAt: this.now };
    expectOk(await this.store.createUser(user));
    return user.id;
  }

  async open(by: UserId, peer: UserId): Promise<ConversationId> {
    return expectOk(await this.store.open({ by, with: peer, ensure: [], quota: undefined })).conversation;
  }

  async pair(): Promise<Pair> {
    const [ann, bob] = [await this.user("Ann"), await this.user("Bob")];
    return { ann, bob, conversation: await this.open(ann, bob) };
  }

  append(draft: Draft): Promise<Appended | Refused> {
    return new Promise((resolve) => this.store.append(draft, resolve));
  }

  /** A message that the store takes. */
  async send(conversation: ConversationId, sender: UserId, text: string): Promise<Appended> {
    return expectOk(await this.append(message(conversation, sender, text)));
  }

  async history(conversation: ConversationId): Promise<readonly ConversationEvent[]> {
    return (await this.store.history(conversation, undefined, 1000)).events;
  }

  positionOf(event: ConversationEvent): Position {
    return decodeCursor(this.store.epoch, event.cursor) ?? Number.NaN;
  }

  /** All pages of a sync. */
  async sync(user: UserId, since: Position, limit: number): Promise<readonly ChangesPage[]> {
    const pages: ChangesPage[] = [];
    for (let position = since; ; ) {
      const page = await this.store.changes(user, position, limit, 100_000);
      if (page === undefined) throw new Error(`nothing after ${position}`);
      pages.push(page);
      if (!page.more) return pages;
      if (page.position <= position) throw new Error("a page does not lead on");
      position = page.position;
    }
  }

  events(): readonly EventNote[] {
    return this.published.flatMap(({ note }) => (note.kind === "event" ? [note] : []));
  }

  markers(): readonly MarkersNote[] {
    return this.published.flatMap(({ note }) => (note.kind === "markers" ? [note] : []));
  }
}

export function textBody(text: string): Body {
  return { kind: "text", text };
}

export function message(
  conversation: ConversationId,
  sender: UserId,
  text: string,
  more: Partial<Draft> = {},
): Draft {
  return {
    conversation,
    sender,
    id: systemClock.uuid(),
    kind: "message",
    body: JSON.stringify(textBody(text)),
    replyTo: undefined,
    target: undefined,
    origin: 1,
    onlyRepeat: false,
    ...more,
  };
}

export function edit(conversation: ConversationId, sender: UserId, target: number, text: string): Draft {
  return message(conversation, sender, text, { kind: "edit", target });
}

export function retract(conversation: ConversationId, sender: UserId, target: number): Draft {
  return message(conversation, sender, "", { kind: "retract", target, body: undefined });
}

export function expectOk<T extends { readonly ok: true }>(outcome: T | Refused): T {
  if (!outcome.ok) throw new Error(`refused: ${outcome.refusal}`);
  return outcome;
}

export function refused(refusal: Refused["refusal"]): Refused {
  return { ok: false, refusal };
}

export function seqs(events: readonly ConversationEvent[]): readonly number[] {
  return events.map((event) => event.seq);
}
