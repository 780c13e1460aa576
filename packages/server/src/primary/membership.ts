/**
 * Which nodes there are. Each tells that it lives once a second, to all; one that gives no sign for five seconds is gone.
 * Checks are counted and not time, so that a node that was frozen itself does not take the others for dead.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { NodeId, NodeLink } from "../ports/node-link.ts";
import { Introductions } from "./introductions.ts";
import { encodeNodeMessage, NODES_SUBJECT, type SignOfLife } from "./node-messages.ts";
import type { Refusals } from "./refusals.ts";

const CHECK_MS = 500;
const CHECKS_PER_SIGN = 2;
/** Without a sign for so many checks, a node is gone: five seconds and a half at most. */
const SILENT_CHECKS = 10;
/** Without a sign for so many, something else of it was missed too; and when this node itself did not check for so long. */
const LATE_CHECKS = 4;
/** More are not heard: at that many, signs of life alone are a million messages a second (docs/scaling.md). */
const MAX_NODES = 1_024;

export interface MembershipOptions {
  readonly link: NodeLink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly refusals: Refusals;
  /** What this node says of itself with each sign. */
  readonly ownState: () => Pick<SignOfLife, "users" | "at" | "lists">;
  /** Of a node that is known from now on, or was before. */
  readonly onSign: (sign: SignOfLife) => void;
  readonly onGone: (node: NodeId) => void;
  /** What nodes said, on whichever subject, may not have been heard. */
  readonly onPossibleLoss: () => void;
}

interface Member {
  /** As it said last. */
  losses: number;
  silentChecks: number;
}

export class Membership {
  private readonly members = new Map<NodeId, Member>();
  private readonly introductions: Introductions;
  /** Checks since a node was turned away, because there are too many; undefined: none was, or not lately. */
  private crowdedChecks: number | undefined;
  private returns = 0;
  private checks = 0;
  private checkedAt: number;
  private isAnnouncing = false;
  private readonly timer: Timer;

  constructor(private readonly options: MembershipOptions) {
    const { link, clock, refusals } = options;
    this.introductions = new Introductions({
      link,
      refusals,
      now: () => clock.now(),
      ownSign: () => this.ownSign(),
      isKnown: (node) => this.members.has(node),
      onIntroduced: (sign) => this.takeIn(sign),
    });
    link.onReturn(() => {
      this.returns += 1;
      this.announceAlive();
      options.onPossibleLoss();
    });
    this.checkedAt = clock.monotonic();
    this.timer = clock.every(CHECK_MS, () => this.check());
  }

  close(): void {
    this.timer.cancel();
  }

  has(node: NodeId): boolean {
    return this.members.has(node);
  }

  /** There are more nodes than are heard. */
  get isCrowded(): boolean {
    return this.crowdedChecks !== undefined;
  }

  /** Of another node, on the subject of all. */
  hear(sign: SignOfLife): void {
    const member = this.members.get(sign.node);
    if (member === undefined) {
      this.introductions.hear(sign);
      return;
    }
    const isLossPossible = member.losses !== sign.losses || member.silentChecks > LATE_CHECKS;
    member.losses = sign.losses;
    member.silentChecks = 0;
    this.options.onSign(sign);
    if (isLossPossible) this.options.onPossibleLoss();
  }

  announceAlive(): void {
    this.options.link.publish(NODES_SUBJECT, this.ownSign());
  }

  announceAliveSoon(): void {
    if (this.isAnnouncing) return;
    this.isAnnouncing = true;
    this.options.clock.endOfTurn(() => {
      this.isAnnouncing = false;
      this.announceAlive();
    });
  }

  /** A node that has answered. */
  private takeIn(sign: SignOfLife): void {
    const { log, onSign, onPossibleLoss } = this.options;
    if (this.members.size >= MAX_NODES) {
      if (!this.isCrowded)
        log.error({ node: sign.node, nodes: MAX_NODES }, "too many nodes: one more is not heard");
      this.crowdedChecks = 0;
      return;
    }
    this.members.set(sign.node, { losses: sign.losses, silentChecks: 0 });
    onSign(sign);
    onPossibleLoss();
  }

  private check(): void {
    const { clock, onGone, onPossibleLoss } = this.options;
    this.checks += 1;
    const now = clock.monotonic();
    if (now - this.checkedAt > LATE_CHECKS * CHECK_MS) onPossibleLoss();
    this.checkedAt = now;
    if (this.crowdedChecks !== undefined && ++this.crowdedChecks > SILENT_CHECKS)
      this.crowdedChecks = undefined;
    for (const [node, member] of [...this.members]) {
      member.silentChecks += 1;
      if (member.silentChecks <= SILENT_CHECKS) continue;
      this.members.delete(node);
      onGone(node);
    }
    if (this.checks % CHECKS_PER_SIGN === 0) this.announceAlive();
  }

  private ownSign(): string {
    const { link, ownState } = this.options;
    const losses = link.dropped + this.returns;
    return encodeNodeMessage({ node: link.node, kind: "alive", ...ownState(), losses });
  }
}
