/** What stands in a conversation, in order: days' headings, the mark before unread messages, messages in groups. */
import type { TimelineEntry } from "@duologue/client";

/** Messages of one side, each within this of the one before, stand together. */
const GROUP_MS = 10 * 60 * 1000;

export type Item =
  | { readonly kind: "day"; readonly key: string; readonly time: number }
  | { readonly kind: "unread"; readonly key: string }
  | MessageItem;

export interface MessageItem {
  readonly kind: "message";
  readonly key: string;
  readonly entry: TimelineEntry;
  /** The message it answers, when it is loaded. */
  readonly quoted: TimelineEntry | undefined;
  /** Of a group. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export function itemsOf(
  entries: readonly TimelineEntry[],
  unreadFrom: number | undefined,
  dayKeyOf: (time: number) => string,
): readonly Item[] {
  const items: Item[] = [];
  const bySeq = new Map(entries.flatMap((entry) => (entry.seq === undefined ? [] : [[entry.seq, entry]])));
  let day = "";
  let isMarked = unreadFrom === undefined;
  let isBroken = true;
  for (const [index, entry] of entries.entries()) {
    const key = dayKeyOf(entry.time);
    // The sender's clock may be wrong, so a day can come twice; its heading then needs a name of its own.
    if (key !== day) {
      items.push({ kind: "day", key: `day ${entry.id}`, time: entry.time });
      isBroken = true;
    }
    day = key;
    if (!isMarked && isUnread(entry, unreadFrom)) {
      items.push({ kind: "unread", key: "unread" });
      isMarked = true;
      isBroken = true;
    }
    const quoted = entry.replyTo === undefined ? undefined : bySeq.get(entry.replyTo);
    const next = entries[index + 1];
    const isEnded =
      !belong(entry, next) ||
      dayKeyOf(next?.time ?? 0) !== key ||
      (!isMarked && next !== undefined && isUnread(next, unreadFrom));
    items.push({ kind: "message", key: entry.id, entry, quoted, isFirst: isBroken, isLast: isEnded });
    isBroken = isEnded;
  }
  return items;
}

function isUnread(entry: TimelineEntry, unreadFrom: number | undefined): boolean {
  return !entry.mine && (entry.seq ?? 0) >= (unreadFrom ?? 0);
}

function belong(entry: TimelineEntry, next: TimelineEntry | undefined): boolean {
  return next !== undefined && next.mine === entry.mine && Math.abs(next.time - entry.time) < GROUP_MS;
}
