/** What a device shows of a conversation, and what it wanted changed: what a judge compares. */
import type { TimelineEntry } from "@duologue/client";

export interface Shown {
  readonly id: string;
  /** Undefined where a placeholder stands. */
  readonly text: string | undefined;
  readonly edited: boolean;
  readonly retracted: boolean;
}

/** An edit, or a retraction (without a text), of an own message. */
export interface Change {
  readonly kind: "edit" | "retract";
  readonly target: number;
  readonly text?: string | undefined;
}

export function toShown({ id, body, edited, retracted }: TimelineEntry): Shown {
  return { id, text: body?.text, edited, retracted };
}
