/** What tests of the writer itself ask it for: two people, their conversation, messages. */
import { systemClock } from "../../../clock.ts";
import type { Draft } from "../../../ports/store.ts";
import type { WriteRequest, WriteResult } from "../../requests.ts";
import type { SqliteWriter } from "../writer.ts";

export type Append = Extract<WriteRequest, { op: "append" }>;

/** The conversation of u_ann and u_bob. */
export function meet(writer: Pick<SqliteWriter, "commit">): string {
  writer.commit(
    ["u_ann", "u_bob"].map((id) => ({
      op: "create-user",
      user: { id, name: id, kind: "guest", createdAt: 0 },
    })),
  );
  const open = { by: "u_ann", with: "u_bob", ensure: [], quota: undefined };
  const [opened] = writer.commit([{ op: "open", open }]);
  if (opened?.outcome.ok && "conversation" in opened.outcome) return opened.outcome.conversation;
  throw new Error("the conversation could not be opened");
}

export function says(conversation: string, text: string, more: Partial<Draft> = {}): Append {
  const draft: Draft = {
    conversation,
    sender: "u_ann",
    id: systemClock.uuid(),
    kind: "message",
    body: JSON.stringify({ kind: "text", text }),
    replyTo: undefined,
    target: undefined,
    origin: 1,
    onlyRepeat: false,
    ...more,
  };
  return { op: "append", draft };
}

/** A batch as a busy second brings it: messages of both, an edit, a retraction, markers. */
export function busyBatch(conversation: string, size: number, lastSeq: number): readonly WriteRequest[] {
  const batch: WriteRequest[] = [];
  for (let index = 0; index < size; index += 1) {
    const sender = index % 3 === 0 ? "u_bob" : "u_ann";
    batch.push(
      says(conversation, `number ${lastSeq + index + 1} ${"x".repeat((index * 37) % 300)}`, { sender }),
    );
  }
  if (lastSeq > 0) {
    batch.push({ op: "mark", marks: { conversation, user: "u_bob", delivered: lastSeq, read: lastSeq - 1 } });
  }
  return batch;
}

/** Number → message id, of the appends that were answered with success. */
export function acknowledged(
  requests: readonly WriteRequest[],
  results: readonly WriteResult[],
): ReadonlyMap<number, string> {
  const numbers = new Map<number, string>();
  for (const [index, { outcome }] of results.entries()) {
    const request = requests[index];
    if (request?.op === "append" && outcome.ok && "seq" in outcome)
      numbers.set(outcome.seq, request.draft.id);
  }
  return numbers;
}
