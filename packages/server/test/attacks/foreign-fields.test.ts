/**
 * What the fuzzer found: a frame was handed to the domain as it came, so that a field that its schema does not know, and
 * has not checked, took effect where another frame has one of that name.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { startServer } from "@duologue/testing";
import { freshId, Pair, textBody } from "../harness/peer.ts";

setDefaultTimeout(60_000);

const bodyB = textBody("b");
const foreign: readonly (readonly [string, object])[] = [
  ["a retract with a body that is none", { type: "retract", target: 1, body: {} }],
  ["a retract with a text", { type: "retract", target: 2, body: textBody("smuggled") }],
  ["an edit with a reply that is no number", { type: "edit", target: 3, body: bodyB, replyTo: { a: 1 } }],
  ["an edit with a reply to nothing", { type: "edit", target: 4, body: bodyB, replyTo: 999 }],
  ["a message with a target that is no number", { type: "send", body: bodyB, target: [] }],
  ["a message with a target", { type: "send", body: bodyB, target: 1 }],
];

test("[BI2] a field that belongs to another frame has no effect, on its own event or on those beside it", async () => {
  await using server = await startServer();
  await using pair = await Pair.connect(server.url);
  const { ann, ben, conversation } = pair;
  for (let seq = 1; seq <= 4; seq += 1) await ann.say(conversation, `number ${seq}`);
  for (const [name, frame] of foreign) {
    ann.sendText(JSON.stringify({ id: freshId(), conversation, ...frame }));
    const beside = ben.say(conversation, `beside ${name}`);
    const reply = await ann.frames.next(({ type }) => type === "ack" || type === "error", "ack or error");
    expect([name, reply.type]).toEqual([name, "ack"]);
    expect((await beside).seq).toBeGreaterThan(4);
  }
  const { events } = await ben.ask({ type: "history", conversation }, "history");
  const own = events.filter(({ from, seq }) => from === ann.id && seq > 4);
  expect(own.map(({ kind, body, replyTo, target }) => [kind, body?.text, replyTo, target])).toEqual([
    ["retract", undefined, undefined, 1],
    ["retract", undefined, undefined, 2],
    ["edit", "b", undefined, 3],
    ["edit", "b", undefined, 4],
    ["message", "b", undefined, undefined],
    ["message", "b", undefined, undefined],
  ]);
});
