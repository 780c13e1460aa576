/**
 * This node's part in a cluster: what happens to a user goes to the subject of that user, and is heard by the nodes that
 * have a socket of theirs. What could not be said is remembered, and said in short when the bus is back.
 */
import { decodeNodeNote, encodeNodeNote } from "../bus/node-notes.ts";
import type { Clock } from "../clock.ts";
import type { Note } from "../ports/bus.ts";
import type { NodeLink, Subscription } from "../ports/node-link.ts";
import type { Position, UserId } from "../ports/store.ts";
import type { Refusals } from "./refusals.ts";
import { Reorder } from "./reorder.ts";

export interface FederationOptions {
  readonly link: NodeLink;
  readonly clock: Clock;
  readonly refusals: Refusals;
}

export interface FederationReceiver {
  /** A note of another node. False: nobody is here to take it. */
  deliver(user: UserId, note: Note): boolean;
  /** Something may have been missed for anybody: have everybody's position compared with the store. */
  checkAll(): void;
}

export interface FederationStatistics {
  readonly isConnected: boolean;
  /** Notes that the bus did not take. */
  readonly dropped: number;
  /** Of another node: passed over because of their kind, or refused because of what they hold. */
  readonly unknown: number;
  readonly broken: number;
}

/** For another node to take what is relayed between classic users. */
const RELAY_TIMEOUT_MS = 1_000;
/** A login does not wait longer for the bus to hear that its user is here. */
const SETTLE_TIMEOUT_MS = 500;
/** Users whose missed news are remembered by name while the bus is away. */
const MAX_MISSED = 50_000;
const RETELL_MS = 1_000;
const CHECK_SUBJECT = "check";

export class Federation {
  /** Of those who are here. */
  readonly order: Reorder;
  private readonly link: NodeLink;
  private readonly subscriptions = new Map<UserId, Subscription>();
  private readonly missed = new Map<UserId, Position>();
  private readonly missedEnds = new Map<string, UserId>();
  private isMissedByAll = false;
  private settling: Promise<void> | undefined;
  private isTelling = false;
  private receiver: FederationReceiver = { deliver: () => false, checkAll: () => undefined };

  constructor(private readonly options: FederationOptions) {
    this.link = options.link;
    this.order = new Reorder({ clock: options.clock });
  }

  get statistics(): FederationStatistics {
    const { isConnected, dropped } = this.link;
    const { unknown, broken } = this.options.refusals;
    return { isConnected, dropped, unknown, broken };
  }

  begin(receiver: FederationReceiver): void {
    this.receiver = receiver;
    this.link.subscribe(CHECK_SUBJECT, () => receiver.checkAll());
    this.link.onReturn(() => {
      // What was written before the connection ended may have come nowhere, and nobody knows what it was.
      this.recheckPositions();
      receiver.checkAll();
    });
  }

  /** Something may have happened to anybody of which other nodes were not told: they are to look at the store. */
  recheckPositions(): void {
    this.isMissedByAll = true;
    if (this.link.isConnected) this.tellMissed();
  }

  /** The user has a socket here: from the moment this resolves their notes are heard, if the bus is there. */
  async hold(user: UserId): Promise<void> {
    if (!this.subscriptions.has(user)) {
      const subscription = this.link.subscribe(subjectOf(user), (payload, answer) => {
        if (this.receive(user, payload)) answer?.("");
      });
      this.subscriptions.set(user, subscription);
      this.order.begin(user);
    }
    if (!this.link.isConnected) return;
    // One question for all who come in the same turn.
    this.settling ??= new Promise<void>((resolve) => {
      this.options.clock.endOfTurn(() => {
        this.settling = undefined;
        void this.link.settle(SETTLE_TIMEOUT_MS).then(resolve);
      });
    });
    await this.settling;
  }

  /** The user has no socket here any more. */
  release(user: UserId): void {
    this.subscriptions.get(user)?.close();
    this.subscriptions.delete(user);
    this.order.end(user);
  }

  /** Of many at once: a worker has died. */
  releaseUnless(isHeld: (user: UserId) => boolean): void {
    for (const user of this.subscriptions.keys()) if (!isHeld(user)) this.release(user);
  }

  /** To whoever has sockets of this user on other nodes. */
  publish(user: UserId, note: Note): void {
    const payload = this.encode(user, note);
    if (!this.link.publish(subjectOf(user), payload)) this.remember(user, note);
  }

  /** Resolves with whether another node has taken it. */
  async relay(user: UserId, note: Note): Promise<boolean> {
    const payload = this.encode(user, note);
    return (await this.link.request(subjectOf(user), payload, RELAY_TIMEOUT_MS)).kind === "answered";
  }

  private encode(user: UserId, note: Note): string {
    return encodeNodeNote(this.options.refusals.version, this.link.node, user, note);
  }

  private receive(user: UserId, payload: string): boolean {
    const { refusals } = this.options;
    const note = refusals.take(subjectOf(user), decodeNodeNote(refusals.version, user, payload));
    return note !== undefined && this.receiver.deliver(user, note);
  }

  /** What a later hint can make good. */
  private remember(user: UserId, note: Note): void {
    if (this.missed.size + this.missedEnds.size >= MAX_MISSED) this.isMissedByAll = true;
    else if (note.kind === "session-ended") this.missedEnds.set(note.session, user);
    else if (note.kind === "event" || note.kind === "markers" || note.kind === "behind")
      this.missed.set(user, note.position);
    if (this.link.isConnected) this.tellMissedLater();
  }

  /** The bus is there, and took no more: once more when it has had time to read. */
  private tellMissedLater(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    this.options.clock.after(RETELL_MS, () => {
      this.isTelling = false;
      if (this.link.isConnected) this.tellMissed();
    });
  }

  private tellMissed(): void {
    const [missed, ends, all] = [[...this.missed], [...this.missedEnds], this.isMissedByAll];
    this.missed.clear();
    this.missedEnds.clear();
    this.isMissedByAll = false;
    for (const [user, position] of missed) this.publish(user, { kind: "behind", position });
    for (const [session, user] of ends) this.publish(user, { kind: "session-ended", session });
    if (!all || this.link.publish(CHECK_SUBJECT, "")) return;
    this.isMissedByAll = true;
    if (this.link.isConnected) this.tellMissedLater();
  }
}

function subjectOf(user: UserId): string {
  return `u.${user}`;
}
