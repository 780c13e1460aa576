/**
 * That no guest's name looks like another's on any node. A node subscribes to a subject for each name key that somebody
 * of its own has; a newcomer's node asks there, and where nobody has subscribed the name is free. Of two who ask at the
 * same moment both have subscribed before, so that at least one hears of the other, and the earlier claim wins. A bus
 * that does not answer keeps nobody out: two may have the same name then.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { NodeId, NodeLink, Subscription } from "../ports/node-link.ts";
import type { UserId } from "../ports/store.ts";
import { decodeNameClaim, encodeFields } from "./node-messages.ts";
import type { Refusals } from "./refusals.ts";

const ASK_TIMEOUT_MS = 500;

export interface NameOwners {
  /** Those of this node who have the key. */
  owners(key: string): readonly UserId[];
  /** Of somebody on this node. */
  nameOf(id: UserId): string | undefined;
}

interface Claim {
  readonly id: UserId;
  readonly name: string;
  /** When it was made, ms since 1970. */
  readonly at: number;
  readonly node: NodeId;
  isLost: boolean;
}

interface Topic {
  readonly subscription: Subscription;
  /** For those who have it, and for each claim. */
  uses: number;
}

type Word = "taken" | "yours" | "free";

export class NameClaims {
  private readonly topics = new Map<string, Topic>();
  /** Name key → who is about to get it. */
  private readonly claims = new Map<string, Claim>();

  constructor(
    private readonly link: NodeLink,
    private readonly clock: Clock,
    private readonly owners: NameOwners,
    private readonly refusals: Refusals,
  ) {}

  /** Somebody of this node has the key now, or nobody has it any more. */
  hold(key: string, isHeld: boolean): void {
    if (isHeld) this.use(key);
    else this.release(key);
  }

  /**
   * Whether the name may be theirs. Until `end`, which must be called when the registry has it or it is not wanted, no
   * other claim passes.
   */
  async claim(
    id: UserId,
    name: string,
    keys: readonly string[],
  ): Promise<{ isFree: boolean; end: () => void }> {
    if (keys.some((key) => (this.claims.get(key)?.id ?? id) !== id))
      return { isFree: false, end: () => undefined };
    const claim: Claim = { id, name, at: this.clock.now(), node: this.link.node, isLost: false };
    for (const key of keys) {
      this.claims.set(key, claim);
      this.use(key);
    }
    const words = await Promise.all(keys.map((key) => this.ask(key, claim)));
    const isFree = !claim.isLost && (words.includes("yours") || !words.includes("taken"));
    return {
      isFree,
      end: () => {
        for (const key of keys) {
          if (this.claims.get(key) === claim) this.claims.delete(key);
          this.release(key);
        }
      },
    };
  }

  /** Whether nobody on other nodes has one of the keys; not claimed. */
  async isFree(keys: readonly string[]): Promise<boolean> {
    const words = await Promise.all(keys.map((key) => this.ask(key, undefined)));
    return !words.includes("taken");
  }

  private async ask(key: string, claim: Claim | undefined): Promise<Word> {
    const fields =
      claim === undefined ? {} : { id: claim.id, name: claim.name, at: claim.at, node: claim.node };
    const answer = await this.link.request(subjectOf(key), encodeFields(fields), ASK_TIMEOUT_MS);
    if (answer.kind !== "answered") return "free";
    return answer.payload === "taken" || answer.payload === "yours" ? answer.payload : "free";
  }

  private answer(key: string, payload: string): Word | undefined {
    const asked = this.refusals.take(subjectOf(key), decodeNameClaim(payload));
    if (asked === undefined) return undefined;
    const claim = asked === "anybody" ? undefined : asked;
    const owners = this.owners.owners(key);
    if (claim !== undefined && owners.includes(claim.id) && this.owners.nameOf(claim.id) === claim.name)
      return "yours";
    if (owners.some((owner) => owner !== claim?.id)) return "taken";
    const mine = this.claims.get(key);
    if (mine === undefined) return "free";
    if (mine.id === claim?.id) return "yours";
    if (claim === undefined) return "taken";
    if (mine.isLost) return undefined;
    if (mine.at < claim.at || (mine.at === claim.at && mine.node < claim.node)) return "taken";
    // Silent, not "free": who holds the name already may be still to answer.
    mine.isLost = true;
    return undefined;
  }

  private use(key: string): void {
    const topic = this.topics.get(key);
    if (topic !== undefined) {
      topic.uses += 1;
      return;
    }
    const subscription = this.link.subscribe(subjectOf(key), (payload, answer) => {
      if (answer === undefined) {
        this.refusals.refuse(subjectOf(key), "it is no question");
        return;
      }
      const word = this.answer(key, payload);
      if (word !== undefined) answer(word);
    });
    this.topics.set(key, { subscription, uses: 1 });
  }

  private release(key: string): void {
    const topic = this.topics.get(key);
    if (topic === undefined) return;
    topic.uses -= 1;
    if (topic.uses > 0) return;
    topic.subscription.close();
    this.topics.delete(key);
  }
}

function subjectOf(key: string): string {
  return `name.${createHash("sha256").update(key).digest("base64url").slice(0, 22)}`;
}
