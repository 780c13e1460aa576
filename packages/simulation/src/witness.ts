/**
 * The clients' own log: what was sent, what was acknowledged, and every frame that came. What can be judged at once is
 * judged at once; the rest is for the end (verdict.ts).
 */

import type { OutboxFrame } from "@duologue/client";
import {
  type Conversation,
  type ConversationEvent,
  decodeServerFrame,
  type Markers,
  type ServerFrame,
  type ServerFrameOf,
} from "@duologue/protocol";
import { Refusals } from "./refusals.ts";
import type { World } from "./world.ts";

export interface Sent {
  readonly user: string;
  readonly frame: OutboxFrame;
}

interface Place {
  readonly conversation: string;
  readonly seq: number;
  readonly time: number;
}

/** How far a user may be said to have got. */
export interface Reach {
  /** The highest number that any device of the user was told. */
  told: number;
  /** The highest number that the user has looked at. */
  looked: number;
}

/** Somebody was told that a user has got farther than they were told or looked: that must be by a message of their own. */
export interface OwnClaim {
  readonly user: string;
  readonly conversation: string;
  readonly seq: number;
}

/** Who a frame comes to. */
export interface Receiver {
  readonly user: string;
  /** Of the tab, for people. */
  readonly name: string;
  /** Not the same for two connections. */
  readonly connection: object;
}

export class Witness {
  /** By message id. */
  readonly sent = new Map<string, Sent>();
  readonly acknowledged = new Map<string, Place>();
  /** Discarded before they were on their way, or lost with a tab that crashed: may be there or not. */
  readonly forgivable = new Set<string>();
  readonly ownClaims: OwnClaim[] = [];
  /** Ids that were answered with their number though they came with another text. */
  readonly retractedClaims = new Set<string>();
  readonly refusals = new Refusals();
  repeats = 0;
  readonly #world: World;
  readonly #places = new Map<string, Place>();
  readonly #ids = new Map<string, string>();
  readonly #reach = new Map<string, Reach>();
  /** By connection: what `markers` frames said last of each user in each conversation. */
  readonly #markers = new WeakMap<object, Map<string, Markers>>();

  constructor(world: World) {
    this.#world = world;
  }

  write(user: string, frame: OutboxFrame): void {
    this.sent.set(frame.id, { user, frame });
  }

  look(user: string, conversation: string, seq: number): void {
    const reach = this.reach(user, conversation);
    reach.looked = Math.max(reach.looked, seq);
  }

  reach(user: string, conversation: string): Reach {
    const key = `${user} ${conversation}`;
    const known = this.#reach.get(key);
    if (known !== undefined) return known;
    const reach = { told: 0, looked: 0 };
    this.#reach.set(key, reach);
    return reach;
  }

  /** Where the server has it, if some client was told. */
  placeOf(id: string): Place | undefined {
    return this.#places.get(id);
  }

  /** A frame has come to a client; given back if it is one. */
  receive(receiver: Receiver, text: string, isFirst: boolean): ServerFrame | undefined {
    const decoded = decodeServerFrame(text);
    const { user, name } = receiver;
    if (!decoded.ok) {
      this.#world.violate(`${name} got what is no frame (${decoded.problem}): ${text.slice(0, 200)}`);
      return undefined;
    }
    const { frame } = decoded;
    if (isFirst && frame.type !== "welcome" && frame.type !== "error")
      this.#world.violate(`${name} got ${frame.type} before its welcome`);
    if (frame.type === "markers") this.#takeMarkers(receiver, frame);
    else this.#judge(user, frame);
    return frame;
  }

  #judge(user: string, frame: Exclude<ServerFrame, { type: "markers" }>): void {
    switch (frame.type) {
      case "ack":
        if (frame.duplicate === true) this.repeats += 1;
        this.#takeAck(user, frame.id, { conversation: frame.conversation, seq: frame.seq, time: frame.time });
        return;
      case "event":
        this.#takeEvent(user, frame);
        return;
      case "welcome":
        this.#takePage(user, frame.changes);
        return;
      case "changes":
        this.#takePage(user, frame);
        return;
      case "history":
        for (const event of [...frame.events, ...frame.revisions]) this.#takeEvent(user, event);
        return;
      case "conversation":
        this.#takeSummary(user, frame.conversation);
        return;
      case "conversations":
        for (const summary of frame.conversations) this.#takeSummary(user, summary);
        return;
      case "error":
        if (frame.id !== undefined) this.refusals.told(frame.id);
        return;
      case "lobby":
      case "lobby-change":
      case "presence":
      case "users":
      case "typing":
      case "renamed":
      case "token-expiring":
      case "token-accepted":
      case "logged-out":
      case "pong":
        return;
      default:
        frame satisfies never;
    }
  }

  #takePage(
    user: string,
    page:
      | { readonly conversations: readonly Conversation[]; readonly events: readonly ConversationEvent[] }
      | undefined,
  ): void {
    for (const event of page?.events ?? []) this.#takeEvent(user, event);
    for (const summary of page?.conversations ?? []) this.#takeSummary(user, summary);
  }

  #takeAck(user: string, id: string, place: Place): void {
    const sent = this.sent.get(id);
    if (sent?.user !== user) this.#world.violate(`an acknowledgement of what ${user} never sent: ${id}`);
    this.#takePlace(id, place);
    this.acknowledged.set(id, place);
    this.#tell(user, place.conversation, place.seq);
  }

  #takeEvent(user: string, event: ConversationEvent): void {
    this.#takePlace(event.id, event);
    this.#tell(user, event.conversation, event.seq);
    const problem = compare(this.sent.get(event.id), event);
    if (problem !== undefined) this.#world.violate(`event ${event.seq} (${event.id}) ${problem}`);
  }

  #takeSummary(user: string, { id, lastSeq, mine, theirs, peer }: Conversation): void {
    this.#tell(user, id, lastSeq);
    for (const [whose, markers] of [
      [user, mine],
      [peer.id, theirs],
    ] as const) {
      if (markers.delivered > lastSeq)
        this.#world.violate(`${whose} is said to have ${markers.delivered} of ${lastSeq} in ${id}`);
      this.#believe(whose, id, markers);
    }
  }

  /** What the frames of one connection say never goes back (MK1), unless the bus has put them into another order. */
  #takeMarkers({ name, connection }: Receiver, frame: ServerFrameOf<"markers">): void {
    const { conversation, user } = frame;
    this.#believe(user, conversation, frame);
    const { delayNote, repeatNote } = this.#world.faults.plan.chances;
    if (delayNote > 0 || repeatNote > 0) return;
    const known = this.#markers.get(connection) ?? new Map<string, Markers>();
    this.#markers.set(connection, known);
    const key = `${user} ${conversation}`;
    const before = known.get(key);
    if (before !== undefined && (frame.delivered < before.delivered || frame.read < before.read))
      this.#world.violate(`${name} was told that the markers of ${user} in ${conversation} went back`);
    known.set(key, frame);
  }

  #believe(user: string, conversation: string, { delivered, read }: Markers): void {
    if (read > delivered)
      this.#world.violate(`${user} is said to have read ${read} of ${delivered} in ${conversation}`);
    const { told, looked } = this.reach(user, conversation);
    if (delivered > told) this.ownClaims.push({ user, conversation, seq: delivered });
    if (read > looked) this.ownClaims.push({ user, conversation, seq: read });
  }

  #tell(user: string, conversation: string, seq: number): void {
    const reach = this.reach(user, conversation);
    reach.told = Math.max(reach.told, seq);
  }

  /** A message has one number for ever, and a number one message. */
  #takePlace(id: string, { conversation, seq, time }: Place): void {
    const known = this.#places.get(id);
    if (
      known !== undefined &&
      (known.conversation !== conversation || known.seq !== seq || known.time !== time)
    )
      this.#world.violate(`${id} was ${known.seq} at ${known.time}, and now is ${seq} at ${time}`);
    const key = `${conversation} ${seq}`;
    const other = this.#ids.get(key);
    if (other !== undefined && other !== id) this.#world.violate(`number ${seq} is ${other}, and now ${id}`);
    this.#places.set(id, { conversation, seq, time });
    this.#ids.set(key, id);
  }
}

/** How an event departs from what was sent; undefined when it does not. */
export function compare(sent: Sent | undefined, event: ConversationEvent): string | undefined {
  if (sent === undefined) return "was never sent";
  const { user, frame } = sent;
  if (event.from !== user) return `is said to be ${event.from}'s`;
  if (event.conversation !== frame.conversation) return "is in another conversation";
  const kind = frame.type === "send" ? "message" : frame.type;
  if (event.kind !== kind) return `is said to be of kind ${event.kind}`;
  const target = frame.type === "send" ? undefined : frame.target;
  const replyTo = frame.type === "send" ? frame.replyTo : undefined;
  if (event.target !== target || event.replyTo !== replyTo) return "refers to another message";
  const text = frame.type === "retract" ? undefined : frame.body.text;
  if (event.retracted !== true && event.body?.text !== text) return `reads ${event.body?.text}, not ${text}`;
  return undefined;
}
