import { expect, test } from "bun:test";
import { type ClientFrame, closeTable, defaultLimits, encodeFrame } from "@duologue/protocol";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { Wish } from "../domain/chat.ts";
import { Connection, Outlet } from "./connection.ts";
import type { Gateway } from "./context.ts";
import { TokenBucket } from "./rate.ts";
import { receiveV1 } from "./v1.ts";

/** A gateway as far as a login and a send need it; the store answers the login's question when the test says so. */
function setUp() {
  const clock = new FakeClock();
  const position = Promise.withResolvers<string>();
  const ids: string[] = [];
  const user = { id: "ann", name: "Ann", kind: "guest" as const, createdAt: 0 };
  const gateway = {
    clock,
    limits: defaultLimits,
    epoch: "e",
    identity: {
      loginWithToken: async () => ({ ok: true, value: { user, token: "t", expiresAt: 1, session: "s" } }),
      isStanding: async () => true,
    },
    reading: { cursor: () => position.promise },
    chat: { submit: (_: unknown, wish: Wish) => void ids.push(wish.id) },
    presence: { lobby: new Map() },
    connections: { add: () => undefined },
    failures: { report: () => undefined },
    lobby: { sendWhole: () => undefined },
    statistics: { messagesIn: 0 },
  } as unknown as Gateway;
  const session = { protocol: "v1" as const, state: { name: "hello-expected" as const } };
  const { framesPerSecond, framesBurst } = defaultLimits;
  const bucket = new TokenBucket(framesPerSecond, framesBurst);
  const connection = new Connection(1, session, "", "", bucket, new Outlet(clock, 1_000_000), 0);
  const sent: string[] = [];
  connection.socket = {
    remoteAddress: "",
    sendText: (frame) => sent.push(frame),
    cork: (run) => run(),
    close: (code) => void sent.push(`${code}`),
    terminate: () => undefined,
    getBufferedAmount: () => 0,
  };
  const say = (frame: ClientFrame): void => receiveV1(gateway, connection, encodeFrame(frame));
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 20; round += 1) await Promise.resolve();
  };
  const answer = (): void => position.resolve("e.0");
  const fail = (): void => position.reject(new RangeError("the store is away"));
  return { clock, connection, sent, say, settle, ids, answer, fail };
}

function send(count: number): ClientFrame {
  const id = `0190a000-0000-7000-8000-00000000000${count}`;
  return { type: "send", id, conversation: "c_1", body: { kind: "text", text: "hello" } };
}

test("[CV12] what is sent while the store is asked for the login keeps its order", async () => {
  const { say, settle, ids, answer } = setUp();
  say({ type: "hello", version: 1, token: "t" });
  say(send(1));
  await settle();
  // The user is known by now, and the welcome waits for the store.
  say(send(2));
  expect(ids).toEqual([]);
  answer();
  await settle();
  say(send(3));
  expect(ids.map((id) => id.at(-1))).toEqual(["1", "2", "3"]);
});

test("[BI3] a flood is ended also when now and then a frame of it is in time", async () => {
  const { clock, connection, sent, say, settle, answer } = setUp();
  answer();
  say({ type: "hello", version: 1, token: "t" });
  await settle();
  // Of ten frames, one is in time.
  let count = 0;
  for (; !connection.isClosed && count < 2_000; count += 1) {
    say({ type: "ping" });
    clock.advance(2);
  }
  expect(sent.at(-1)).toBe(`${closeTable.too_fast.code}`);
  expect(count).toBeLessThan(2 * (defaultLimits.framesBurst + defaultLimits.framesRefused));
});

test("[CN6] who cannot be let in is told why, and nothing that happened meanwhile", async () => {
  const { connection, sent, say, settle, fail } = setUp();
  say({ type: "hello", version: 1, token: "t" });
  await settle();
  connection.push('{"type":"lobby-change"}');
  fail();
  await settle();
  expect(sent.map((text) => /unavailable|^4\d+$|lobby/.exec(text)?.[0])).toEqual([
    "unavailable",
    `${closeTable.unavailable.code}`,
  ]);
});
