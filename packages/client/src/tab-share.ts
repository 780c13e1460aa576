import type { ServerFrameOf } from "@duologue/protocol";
import type { OutboxEntry } from "./outbox-entry.ts";

/** What a tab that comes needs to know of the one that leads. */
export interface TabShare {
  readonly entries: readonly OutboxEntry[];
  readonly lobby: ServerFrameOf<"lobby">;
  readonly presence: ServerFrameOf<"presence">;
}
