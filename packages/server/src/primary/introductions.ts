/**
 * Nodes that have given a sign of life, and are yet to show that they are there. A name that somebody wrote costs nothing
 * and could fill every place, or count as a crowd of users; so each is asked on a subject of its own, `node.<id>`, and
 * taken in when it answers. Where nobody has that name, the bus says so at once.
 */
import type { NodeId, NodeLink } from "../ports/node-link.ts";
import { decodeNodeMessage, NODES_SUBJECT, type SignOfLife } from "./node-messages.ts";
import type { Refusals } from "./refusals.ts";

export interface IntroductionsOptions {
  readonly link: NodeLink;
  readonly refusals: Refusals;
  readonly now: () => number;
  /** This node's sign, as a text: it goes with the question, so that both get to know each other by one. */
  readonly ownSign: () => string;
  readonly isKnown: (node: NodeId) => boolean;
  /** It has answered; its last sign. */
  readonly onIntroduced: (sign: SignOfLife) => void;
}

/** A bus that is slow all the same carries the answer; each further sign asks again meanwhile. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Nodes asked at a time. More are asked after their next sign, a second later. */
const MAX_WAITING = 256;

interface Waiting {
  sign: SignOfLife;
  asks: number;
}

export class Introductions {
  private readonly waiting = new Map<NodeId, Waiting>();

  constructor(private readonly options: IntroductionsOptions) {
    const { link, refusals, now } = options;
    const subject = subjectOf(link.node);
    link.subscribe(subject, (payload, answer) => {
      const sign = refusals.take(subject, decodeNodeMessage(payload, now()));
      if (sign === undefined) return;
      if (sign.kind !== "alive" || answer === undefined) {
        refusals.refuse(subject, "it is no question");
        return;
      }
      answer(link.node);
      // Not again, or two that do not know each other would ask until one of them has heard the answer.
      const isNews = sign.node !== link.node && !this.waiting.has(sign.node);
      if (isNews && !options.isKnown(sign.node)) this.hear(sign);
    });
  }

  get size(): number {
    return this.waiting.size;
  }

  /** A sign of a node that is not known. */
  hear(sign: SignOfLife): void {
    const { node } = sign;
    let waiting = this.waiting.get(node);
    if (waiting === undefined) {
      if (this.waiting.size >= MAX_WAITING) return;
      waiting = { sign, asks: 0 };
      this.waiting.set(node, waiting);
    }
    waiting.sign = sign;
    waiting.asks += 1;
    void this.ask(node, waiting);
  }

  private async ask(node: NodeId, waiting: Waiting): Promise<void> {
    const { link, ownSign, isKnown, onIntroduced, refusals } = this.options;
    const { kind } = await link.request(subjectOf(node), ownSign(), ANSWER_TIMEOUT_MS);
    waiting.asks -= 1;
    if (this.waiting.get(node) !== waiting) return;
    if (kind !== "unknown" || waiting.asks === 0) this.waiting.delete(node);
    if (kind === "nobody") refusals.refuse(NODES_SUBJECT, "it is of a node that nobody is");
    if (kind === "answered" && !isKnown(node)) onIntroduced(waiting.sign);
  }
}

function subjectOf(node: NodeId): string {
  return `node.${node}`;
}
