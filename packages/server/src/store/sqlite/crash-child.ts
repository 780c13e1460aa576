/**
 * A process that writes until it is killed, for crash.test.ts. Arguments: the file, and in which batch to kill itself,
 * half-way through its requests (0: never). Standard output: the conversation, then each answered message.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../clock.ts";
import type { WriteRequest } from "../requests.ts";
import { throwFault } from "./fixture.ts";
import { SqliteWriter } from "./writer.ts";

const BATCH = 100;

const [path = "", fatalBatch = "0"] = process.argv.slice(2);
const writer = new SqliteWriter({ path, clock: systemClock, onFault: throwFault });

writer.commit(
  ["u_ann", "u_bob"].map((id) => ({
    op: "create-user",
    user: { id, name: id, kind: "guest", createdAt: 0 },
  })),
);
const [opened] = writer.commit([
  { op: "open", open: { by: "u_ann", with: "u_bob", ensure: [], quota: undefined } },
]);
const conversation =
  opened?.outcome.ok && "conversation" in opened.outcome ? opened.outcome.conversation : "";
writeSync(1, `${conversation}\n`);

function request(isFatal: boolean): WriteRequest & { readonly op: "append" } {
  const draft = {
    conversation,
    sender: "u_ann",
    id: systemClock.uuid(),
    kind: "message" as const,
    replyTo: undefined,
    target: undefined,
    origin: 1,
    onlyRepeat: false,
    get body(): string {
      // The writer asks for the text while its transaction is open.
      if (isFatal) process.kill(process.pid, "SIGKILL");
      return '{"kind":"text","text":"still here?"}';
    },
  };
  return { op: "append", draft };
}

for (let batch = 1; ; batch += 1) {
  const isFatal = batch === Number(fatalBatch);
  const requests = Array.from({ length: BATCH }, (_, index) => request(isFatal && index === BATCH / 2));
  let answers = "";
  for (const [index, { outcome }] of writer.commit(requests).entries()) {
    if (outcome.ok && "seq" in outcome) answers += `${outcome.seq} ${requests[index]?.draft.id}\n`;
  }
  writeSync(1, answers);
  writer.maintain();
}
