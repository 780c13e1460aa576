/**
 * What came over the bus and was not taken: counted for `duologue status`, and each reason said once. One for all
 * subjects of a node, so that nothing is refused in silence, wherever it came.
 */
import type { Received } from "../bus/received.ts";
import { BUS_VERSION } from "../bus/version.ts";
import type { Logger } from "../log.ts";

/** Nodes of other versions, each of which is named once. */
const MAX_NAMED = 100;

export class Refusals {
  /** Passed over because of their kind. */
  unknown = 0;
  /** Refused because of what they hold. */
  broken = 0;
  private readonly named = new Set<string>();
  private readonly said = new Set<string>();

  constructor(
    private readonly log: Logger,
    /** What this node speaks; given by tests. */
    readonly version: number = BUS_VERSION,
  ) {}

  /** The note, if there is one to be taken. `subject`: as in ports/node-link.ts. */
  take<T>(subject: string, received: Received<T>): T | undefined {
    switch (received.kind) {
      case "note":
        return received.note;
      case "unknown":
        this.unknown += 1;
        return undefined;
      case "broken":
        this.refuse(subject, "it is not as it must be");
        return undefined;
      case "foreign":
        this.refuseVersion(received.node ?? "", received.version);
        return undefined;
      default:
        return received satisfies never;
    }
  }

  /** Each reason is said once for each kind of subject, without what the note holds: that may be what somebody wrote. */
  refuse(subject: string, reason: string, count = 1): void {
    this.broken += count;
    const [family = ""] = subject.split(".", 1);
    const key = `${family} ${reason}`;
    if (this.said.has(key)) return;
    this.said.add(key);
    this.log.warn({ subject: family, reason }, "a note from the bus is refused");
  }

  private refuseVersion(node: string, version: number): void {
    this.broken += 1;
    if (this.named.has(node) || this.named.size >= MAX_NAMED) return;
    this.named.add(node);
    this.log.error(
      { node, theirs: version, ours: this.version },
      "another node is more than one version apart and is not heard: upgrade one version at a time",
    );
  }
}
