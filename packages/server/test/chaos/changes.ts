/** The judge's part about edits and retractions: each is there once, and every device shows what came of them. */
import type { ConversationEvent } from "@duologue/protocol";
import type { Change, Shown } from "../harness/shown.ts";

type Stored = ReadonlyMap<number, ConversationEvent>;

/** What one device says of it; see Testimony. */
interface ChangingDevice {
  readonly device: string;
  readonly user: string;
  readonly changes?: readonly Change[];
  readonly mayBeUnchanged?: readonly Change[];
  readonly isComplete: boolean;
}

/** What is stored was written, and changed what it was to change; what was written is stored. */
export function judgeChanges(
  stored: Stored,
  devices: readonly ChangingDevice[],
  complain: (text: string) => void,
): void {
  const written = new Set(
    devices.flatMap(({ user, changes = [], mayBeUnchanged = [] }) =>
      [...changes, ...mayBeUnchanged].map((change) => nameOf(user, change)),
    ),
  );
  const found = new Set<string>();
  const erasedEdits = new Set<string>();
  for (const event of stored.values()) {
    const { kind, target, from, seq } = event;
    if ((kind !== "edit" && kind !== "retract") || target === undefined) continue;
    const message = stored.get(target);
    if (message?.kind !== "message" || message.from !== from)
      complain(`number ${seq} changes number ${target}, which is no message of ${from}`);
    const text = event.body?.text;
    if (kind === "edit" && text === undefined) {
      if (message?.retracted !== true)
        complain(`number ${seq} has no text, and ${target} was not taken back`);
      erasedEdits.add(`${from} ${target}`);
      continue;
    }
    const name = nameOf(from, { kind, target, text });
    if (!written.has(name)) complain(`number ${seq} was never wanted by ${from}: ${kind} of ${target}`);
    if (found.has(name)) complain(`number ${seq} repeats a change: ${kind} of ${target}`);
    found.add(name);
    if (kind === "retract" && message?.retracted !== true)
      complain(`number ${seq} takes ${target} back, which is still there`);
  }
  for (const { seq, from, kind, retracted } of stored.values()) {
    if (
      kind === "message" &&
      retracted === true &&
      !found.has(nameOf(from, { kind: "retract", target: seq }))
    )
      complain(`number ${seq} is gone, and nobody has taken it back`);
  }
  for (const { device, user, changes = [], isComplete } of devices) {
    if (!isComplete) continue;
    for (const change of changes) {
      const isErased = change.kind === "edit" && erasedEdits.has(`${user} ${change.target}`);
      if (!isErased && !found.has(nameOf(user, change)))
        complain(`${device} wanted ${change.kind} of ${change.target}: not there`);
    }
  }
}

/** What every device shows in the end: the messages, each as the last change left it. */
export function expectedShown(stored: Stored): readonly Shown[] {
  const edits = new Map<number, ConversationEvent>();
  const events = Array.from({ length: stored.size }, (_, index) => stored.get(index + 1));
  for (const event of events) {
    if (event?.kind === "edit" && event.target !== undefined) edits.set(event.target, event);
  }
  return events.flatMap((event) => {
    if (event?.kind !== "message") return [];
    const retracted = event.retracted === true;
    const edit = edits.get(event.seq);
    const text = retracted ? undefined : (edit ?? event).body?.text;
    return [{ id: event.id, text, edited: !retracted && edit !== undefined, retracted }];
  });
}

function nameOf(user: string, { kind, target, text }: Change): string {
  return `${user} ${kind} ${target} ${text ?? ""}`;
}
