/** SPEC.md, "Bad input" (BI), frame by frame; bytes that break WebSocket itself are in connecting.ts. */

import { describe, expect } from "bun:test";
import { closeTable, defaultLimits, errorTable } from "@duologue/protocol";
import { elapsed } from "@duologue/testing";
import { freshId, freshName, Pair, Peer, textBody } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function badInputTests(target: Target): void {
  describe("bad input", () => {
    invalidTests(target);
    echoTests(target);
    unknownTests(target);
    rateTests(target);
    tableTests(target);
  });
}

const id = "01890000-0000-7000-8000-000000000000";
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

const invalid: [string, string][] = [
  ["nothing", ""],
  ["not JSON", "hello"],
  ["cut JSON", '{"type":"ping"'],
  ["two values", '{"type":"ping"}{"type":"ping"}'],
  ["a NUL", "\u0000"],
  ["null", "null"],
  ["a number", "42"],
  ["a text", '"ping"'],
  ["a list", '[{"type":"ping"}]'],
  ["no type", "{}"],
  ["an unknown type", '{"type":"shutdown"}'],
  ["a type of the prototype", '{"type":"toString"}'],
  ["a type that is no text", '{"type":["ping"]}'],
  ["a server's frame", '{"type":"pong","time":1,"behind":false}'],
  ["a missing ref", '{"type":"search","query":"a"}'],
  ["a missing field", `{"type":"send","id":"${id}","conversation":"c"}`],
  ["null for a field", '{"type":"search","ref":1,"query":null}'],
  ["a number for a text", '{"type":"search","ref":1,"query":7}'],
  ["a text for a number", '{"type":"search","ref":"1","query":"a"}'],
  ["a text for a truth", '{"type":"typing","conversation":"c","active":"yes"}'],
  ["an object for a text", '{"type":"search","ref":1,"query":{"$ne":1}}'],
  ["a negative ref", '{"type":"search","ref":-1,"query":"a"}'],
  ["a fraction", '{"type":"search","ref":1.5,"query":"a"}'],
  ["a number above 2^53", '{"type":"search","ref":9007199254740993,"query":"a"}'],
  ["a huge number", '{"type":"search","ref":1e400,"query":"a"}'],
  ["number 0", '{"type":"mark","conversation":"c","read":0}'],
  ["a query too long", `{"type":"search","ref":1,"query":"${"x".repeat(65)}"}`],
  ["an id that is no UUID", '{"type":"send","id":"1","conversation":"c","body":{"kind":"text","text":"a"}}'],
  ["an id in upper case", `{"type":"retract","id":"${id.replace("9", "A")}","conversation":"c","target":1}`],
  ["a conversation with a slash", '{"type":"history","ref":1,"conversation":"../../etc"}'],
  ["an empty conversation", '{"type":"history","ref":1,"conversation":""}'],
  ["a cursor with a space", '{"type":"sync","ref":1,"cursor":"a b"}'],
  ["an unknown kind of body", `{"type":"send","id":"${id}","conversation":"c","body":{"kind":"file"}}`],
  ["a body that is a text", `{"type":"send","id":"${id}","conversation":"c","body":"a"}`],
  ["a field __proto__", '{"type":"ping","__proto__":{"ref":1}}'],
  ["a field constructor", '{"type":"ping","constructor":{}}'],
  ["a field prototype", '{"type":"ping","prototype":1}'],
  [
    "__proto__ in the body",
    `{"type":"send","id":"${id}","conversation":"c","body":{"kind":"text","text":"a","__proto__":{}}}`,
  ],
  ["unknown fields 9 deep", `{"type":"ping","more":${deep(9)}}`],
  ["unknown fields 5000 deep", `{"type":"ping","more":${deep(5000)}}`],
];

function invalidTests(target: Target): void {
  const { test } = target;
  test("[BI1] each kind of invalid frame is answered with frame_invalid, and the connection goes on", async () => {
    await using ann = await Peer.connect(target.place());
    for (const [name, text] of invalid) {
      ann.sendText(text);
      const { code, message } = await ann.next("error");
      expect([name, code]).toEqual([name, "frame_invalid"]);
      expect(message.length).toBeGreaterThan(errorTable.frame_invalid.message.length / 2);
    }
    await ann.settled();
    expect(ann.all("error")).toHaveLength(invalid.length);
  });

  test("[BI1] invalid frames of one connection do no harm to others, nor to the server's objects", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    for (const [, text] of invalid) ann.sendText(text);
    await ann.say(conversation, "still here");
    expect((await ben.next("event")).body).toEqual(textBody("still here"));
    await using late = await Peer.connect(target.place());
    expect(late.welcome.user.kind).toBe("guest");
    expect(Object.keys(late.welcome.user).sort()).toEqual(["id", "kind", "name"]);
  });

  test("[BI1] what the fuzzer made is answered or ignored, never fatal", async () => {
    await using ann = await Peer.connect(target.place());
    const seeds = invalid.map(([, text]) => text).filter((text) => text.length > 0 && text.length < 200);
    for (const [index, text] of seeds.entries()) {
      const cut = (index * 7) % text.length;
      ann.sendText(text.slice(cut) + text.slice(0, cut));
      ann.sendText(text.replaceAll('"', '"\u{1f980}'));
      if (index % 10 === 9) await ann.settled();
    }
    await ann.settled();
  });
}

function echoTests(target: Target): void {
  const { test } = target;
  test("[BI1] the error carries the frame's ref or id when there is a usable one", async () => {
    await using ann = await Peer.connect(target.place());
    ann.sendText('{"type":"search","ref":77,"query":5}');
    expect(await ann.next("error")).toMatchObject({ code: "frame_invalid", ref: 77 });
    ann.sendText(`{"type":"send","id":"${id}","conversation":"c","body":{"kind":"text","text":5}}`);
    expect(await ann.next("error")).toMatchObject({ code: "frame_invalid", id });
    ann.sendText('{"type":"search","ref":"x","id":"y","query":5}');
    const error = await ann.next("error");
    expect([error.ref, error.id]).toEqual([undefined, undefined]);
  });
}

function unknownTests(target: Target): void {
  const { test } = target;
  test("[BI2] unknown fields are ignored, up to 8 deep, and not passed on", async () => {
    await using pair = await Pair.connect(target.place());
    const { ann, ben, conversation } = pair;
    ann.sendText(`{"type":"ping","ref":3,"more":${deep(8)},"admin":true}`);
    await ann.next("pong", ({ ref }) => ref === 3);
    ann.sendText(
      JSON.stringify({
        type: "send",
        id: freshId(),
        conversation,
        body: { ...textBody("plain"), html: "<b>injected</b>" },
        from: ben.id,
        seq: 99,
        time: 1,
        retracted: true,
      }),
    );
    const ack = await ann.next("ack");
    expect(ack.seq).toBe(1);
    const event = await ben.next("event");
    expect(event).toMatchObject({ seq: 1, from: ann.id, time: ack.time, body: textBody("plain") });
    expect(event.retracted).toBeUndefined();
    expect(event.body).toEqual(textBody("plain"));
    expect((await ben.ask({ type: "history", conversation }, "history")).events[0]?.body).toEqual(
      textBody("plain"),
    );
  });
}

function rateTests(target: Target): void {
  const { test } = target;
  test("[BI3] frames above the rate are refused with too_fast, and the connection goes on after a while", async () => {
    await using ann = await Peer.connect(target.place());
    const burst = defaultLimits.framesBurst + 60;
    for (let ref = 0; ref < burst; ref += 1) ann.send({ type: "ping", ref });
    const refused = await ann.next("error");
    expect(refused.code).toBe("too_fast");
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.ref).toBeGreaterThanOrEqual(defaultLimits.framesBurst - 1);
    await ann.frames.next(
      (frame) => (frame.type === "pong" || frame.type === "error") && frame.ref === burst - 1,
      "answer to the last ping",
    );
    expect(ann.all("pong").length + ann.all("error").length).toBe(burst);
    expect(ann.all("pong").length).toBeGreaterThanOrEqual(defaultLimits.framesBurst - 1);
    const { retryAfterMs = 0 } = ann.all("error").at(-1) ?? {};
    await elapsed(retryAfterMs);
    expect((await ann.answer({ type: "search", query: freshName() })).type).toBe("users");
  });

  test("[BI3] after framesRefused refusals the connection is closed with too_fast", async () => {
    const ann = await Peer.connect(target.place());
    const flood = defaultLimits.framesBurst + defaultLimits.framesRefused + 2000;
    for (let ref = 0; ref < flood; ref += 1) ann.send({ type: "ping", ref });
    expect((await ann.whenClosed()).code).toBe(closeTable.too_fast.code);
    await using again = await Peer.connect(target.place(), { token: ann.token });
    expect(again.id).toBe(ann.id);
  });

  test("[BI3] binary and invalid frames count too", async () => {
    const ann = await Peer.connect(target.place());
    for (let count = 0; count < defaultLimits.framesBurst + defaultLimits.framesRefused + 2000; count += 1) {
      if (count % 2 === 0) ann.socket.send(new Uint8Array([1]));
      else ann.sendText("x");
    }
    expect((await ann.whenClosed()).code).toBe(closeTable.too_fast.code);
  });
}

function tableTests(target: Target): void {
  const { test } = target;
  test("[BI4] every error frame has a code of the table, a message and whether a retry may help", async () => {
    await using ann = await Peer.connect(target.place());
    const errors = [
      await ann.refusal({ type: "open", user: ann.id }),
      await ann.refusal({ type: "open", user: "nobody" }),
      await ann.refusal({ type: "history", conversation: "none" }),
      await ann.refusal({ type: "rename", nickname: "\u0000" }),
    ];
    for (const { code, message, retryable } of errors) {
      const entry = errorTable[code as keyof typeof errorTable];
      expect(entry).toBeDefined();
      expect(retryable).toBe(entry.retryable);
      expect(message).not.toBe("");
    }
  });
}
