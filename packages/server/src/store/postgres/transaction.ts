/** One transaction: what a batch asks for, but for renames. */
import type { Clock } from "../../clock.ts";
import type { ConversationId, OpenRequest, UserId } from "../../ports/store.ts";
import { doneResult, refusedResult, type WriteRequest, type WriteResult } from "../requests.ts";
import { Appender } from "../rules/append.ts";
import { kindCodes } from "../rules/kinds.ts";
import { carryOutMark, planMark } from "../rules/marks.ts";
import { BatchState } from "./batch-state.ts";
import type { Connection } from "./connection.ts";
import { EventBuffer, type PlacedDraft } from "./event-buffer.ts";
import { type Identities, pairName } from "./identities.ts";
import { openConversations, opened } from "./opening.ts";
import { type LockMode, sendImpatience } from "./people-locks.ts";
import {
  createUser,
  endSession,
  extendSession,
  purgeExpired,
  sendSightings,
  startSession,
} from "./people-writes.ts";
import { StandingMessages } from "./standing.ts";

export interface TransactionMode extends LockMode {
  /** Look up the ids of all messages before, instead of taking them for new. */
  readonly lookUpAll: boolean;
}

type SessionRequest = Exclude<WriteRequest, { op: "append" | "mark" | "open" | "note-seen" | "rename" }>;

const COUNT_STANDING = `SELECT count(*)::float8 AS count FROM event
  WHERE conversation = $1 AND sender = $2 AND seq > $3 AND seq <= $4 AND kind = ${kindCodes.message} AND retracted = 0`;

export class Transaction {
  readonly #connection: Connection;
  readonly #identities: Identities;
  readonly #clock: Pick<Clock, "now" | "randomId">;
  readonly #mode: TransactionMode;
  readonly #events = new EventBuffer();
  #state = new BatchState();
  #standing = new StandingMessages();
  /** Answers of statements that nobody has waited for yet. */
  #sent: Promise<unknown>[] = [];
  /** The last word of each counts. */
  readonly #seen = new Map<UserId, number>();
  #isCommitting = false;

  constructor(
    connection: Connection,
    identities: Identities,
    clock: Pick<Clock, "now" | "randomId">,
    mode: TransactionMode,
  ) {
    this.#connection = connection;
    this.#identities = identities;
    this.#clock = clock;
    this.#mode = mode;
  }

  /** The end was sent: should the connection be lost from now on, nobody knows whether it took place. */
  get isCommitting(): boolean {
    return this.#isCommitting;
  }

  /** A result for each, in their order; all of them are committed and flushed, or it rejects. */
  async carryOut(requests: readonly WriteRequest[]): Promise<readonly WriteResult[]> {
    const pairs = await this.#find(requests);
    const results = requests.map((request) => this.#findOpened(request, pairs));
    if (results.every((result) => result !== undefined)) return results;
    this.#sent.push(this.#connection.send("BEGIN"));
    if (!this.#mode.isPatient) this.#sent.push(sendImpatience(this.#connection));
    await this.#load(requests, results);
    // One stamp for all: they become true together.
    const now = this.#clock.now();
    const appender = new Appender(this.#state, this.#events);
    const later: (readonly [number, Promise<WriteResult>])[] = [];
    const opens = new Map<number, OpenRequest>();
    for (const [index, request] of requests.entries()) {
      if (results[index] !== undefined) continue;
      switch (request.op) {
        case "append":
          results[index] = this.#isOutOfReach(request.draft.conversation)
            ? refusedResult("unavailable")
            : appender.append(request.draft, now);
          break;
        case "mark":
          results[index] = this.#isOutOfReach(request.marks.conversation)
            ? refusedResult("unavailable")
            : await this.#mark(request);
          break;
        case "open":
          if (this.#isHeld(request.open.by) || this.#isHeld(request.open.with))
            results[index] = refusedResult("unavailable");
          else opens.set(index, request.open);
          break;
        case "note-seen":
          for (const { user, at } of request.seen) this.#seen.set(user, at);
          results[index] = doneResult;
          break;
        case "rename":
          throw new TypeError("a rename has a transaction of its own");
        default:
          later.push([index, unheard(this.#send(request))]);
      }
    }
    // Behind those that may make their people. Nothing else of the batch can name what they make.
    const made = await openConversations(this.#connection, this.#clock, [...opens.values()], now);
    for (const [place, index] of [...opens.keys()].entries()) results[index] = made[place];
    await this.#commit(later);
    for (const [index, result] of later) results[index] = await result;
    return results.map((result) => result ?? refusedResult("unavailable"));
  }

  /** Before the transaction: keys of everybody and everything named, and conversations that are open already. */
  async #find(requests: readonly WriteRequest[]): Promise<ReadonlyMap<string, ConversationId>> {
    const conversations = new Set<ConversationId>();
    const people = new Set<UserId>();
    const opens: OpenRequest[] = [];
    for (const request of requests) {
      if (request.op === "append") conversations.add(request.draft.conversation);
      else if (request.op === "mark") conversations.add(request.marks.conversation);
      else if (request.op === "open") {
        people.add(request.open.by).add(request.open.with);
        opens.push(request.open);
      } else if (request.op === "note-seen") for (const { user } of request.seen) people.add(user);
    }
    await this.#identities.load(this.#connection, conversations, people);
    return this.#identities.pairs(
      this.#connection,
      opens.flatMap((open) => {
        const [by, peer] = this.#keysOf(open);
        return by === undefined || peer === undefined ? [] : [[by, peer] as const];
      }),
    );
  }

  #findOpened(request: WriteRequest, pairs: ReadonlyMap<string, ConversationId>): WriteResult | undefined {
    if (request.op !== "open") return undefined;
    const [by = 0, peer = 0] = this.#keysOf(request.open);
    const conversation = by === peer ? undefined : pairs.get(pairName(by, peer));
    return conversation === undefined ? undefined : opened(conversation);
  }

  #keysOf(open: OpenRequest): readonly (number | undefined)[] {
    return [this.#identities.person(open.by), this.#identities.person(open.with)];
  }

  async #load(
    requests: readonly WriteRequest[],
    results: readonly (WriteResult | undefined)[],
  ): Promise<void> {
    const conversations = new Set<ConversationId>();
    const people: number[] = [];
    for (const [index, request] of requests.entries()) {
      if (request.op === "append") conversations.add(request.draft.conversation);
      else if (request.op === "mark") conversations.add(request.marks.conversation);
      else if (request.op === "open" && results[index] === undefined)
        people.push(...this.#keysOf(request.open).filter((key) => key !== undefined));
      else if (request.op === "note-seen")
        people.push(...request.seen.flatMap(({ user }) => this.#identities.person(user) ?? []));
    }
    const identities = [...conversations].flatMap((id) => this.#identities.conversation(id) ?? []);
    this.#state = await BatchState.load(this.#connection, identities, people, this.#mode);
    // Its answer came before the locks. Had it failed, every statement would be a commit of its own, without locks.
    if (identities.length + people.length > 0) await this.#connection.settle(this.#sent.splice(0));
    await this.#events.load(this.#connection, this.#placeDrafts(requests), this.#mode.lookUpAll);
    const written = new Set(
      requests.flatMap((request) => (request.op === "append" ? [request.draft.conversation] : [])),
    );
    this.#standing = await StandingMessages.load(
      this.#connection,
      this.#state,
      requests.flatMap((request) => (request.op === "mark" ? [request.marks] : [])),
      ({ conversation }) => written.has(conversation),
    );
  }

  #placeDrafts(requests: readonly WriteRequest[]): readonly PlacedDraft[] {
    return requests.flatMap((request) => {
      if (request.op !== "append") return [];
      const conversation = this.#state.conversation(request.draft.conversation);
      const sender = this.#state.user(request.draft.sender);
      return conversation === undefined || sender === undefined
        ? []
        : [{ draft: request.draft, conversation, sender }];
    });
  }

  /** They are there, but another node holds them for too long. */
  #isHeld(user: UserId): boolean {
    return this.#identities.person(user) !== undefined && this.#state.user(user) === undefined;
  }

  /** It is there, but one of its people is held. */
  #isOutOfReach(conversation: ConversationId): boolean {
    return (
      this.#state.conversation(conversation) === undefined &&
      this.#identities.conversation(conversation) !== undefined
    );
  }

  async #mark({ marks }: Extract<WriteRequest, { op: "mark" }>): Promise<WriteResult> {
    const plan = planMark(this.#state, marks);
    if (!("count" in plan)) return plan;
    const { times, peerKey, after, upTo } = plan.count;
    if (times === 0) return carryOutMark(this.#state, plan, 0);
    const known = this.#standing.count(this.#events, plan.conversation.key, peerKey, after, upTo);
    if (known !== undefined) return carryOutMark(this.#state, plan, known);
    // What this batch has sent before is counted too.
    this.#sent.push(...this.#events.flush(this.#connection));
    const [row] = await this.#connection.ask<{ count: number }>(COUNT_STANDING, [
      plan.conversation.key,
      peerKey,
      after,
      upTo,
    ]);
    return carryOutMark(this.#state, plan, row?.count ?? 0);
  }

  #send(request: SessionRequest): Promise<WriteResult> {
    switch (request.op) {
      case "create-user":
        return createUser(this.#connection, request.user);
      case "start-session":
        return startSession(this.#connection, request.session);
      case "extend-session":
        return extendSession(this.#connection, request.id, request.expiresAt);
      case "end-session":
        return endSession(this.#connection, request.id);
      case "purge-sessions":
        return purgeExpired(this.#connection, request.expiredBefore, request.limit);
      default:
        return request satisfies never;
    }
  }

  async #commit(later: readonly (readonly [number, Promise<WriteResult>])[]): Promise<void> {
    const seen = [...this.#seen].flatMap(([user, at]) => {
      const key = this.#state.user(user)?.key;
      return key === undefined ? [] : [{ key, at }];
    });
    const answers = [
      ...this.#events.flush(this.#connection),
      ...this.#state.flush(this.#connection),
      ...(seen.length === 0 ? [] : [sendSightings(this.#connection, seen)]),
    ];
    const end = this.#connection.send("COMMIT");
    this.#isCommitting = true;
    const sent = [...this.#sent, ...answers, ...later.map(([, result]) => result)];
    this.#sent = [];
    const settled = await this.#connection.settle([end, ...sent]);
    const [{ command }] = settled as unknown as [{ readonly command: string | null }];
    if (command !== "COMMIT") throw new TypeError(`the transaction ended with ${command}`);
  }
}

/** Its failure is looked at later, with others. */
function unheard<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined);
  return answer;
}
