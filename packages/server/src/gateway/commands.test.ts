import { expect, test } from "bun:test";
import { type ClientFrameOf, defaultLimits } from "@duologue/protocol";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { Presence } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import { carryOut } from "./commands.ts";
import { Connection, Outlet, type V1State } from "./connection.ts";
import type { Gateway } from "./context.ts";
import { TokenBucket } from "./rate.ts";
import { Watching } from "./watching.ts";

type Ready = Extract<V1State, { name: "ready" }>;

/** A gateway as far as `watch` needs it; what is looked up is answered when the test says so. */
function setUp() {
  const clock = new FakeClock();
  const lookUps = new Map<string, (peer: UserId | undefined) => void>();
  const presence = {
    isOnline: () => true,
    watch: async () => undefined,
    unwatch: () => undefined,
  } as unknown as Presence;
  const chat = {
    peer: (_: UserId, conversation: string) =>
      new Promise<UserId | undefined>((resolve) => void lookUps.set(conversation, resolve)),
  };
  const watching = new Watching(presence, clock, defaultLimits);
  const gateway = {
    limits: defaultLimits,
    statistics: { messagesIn: 0 },
    chat,
    watching,
  } as unknown as Gateway;
  const user = { id: "ann", name: "Ann", kind: "guest" as const, createdAt: 0 };
  const state: Ready = {
    name: "ready",
    user,
    session: "s_1",
    expiresAt: 0,
    isExpiryTold: false,
    waiting: undefined,
  };
  const outlet = new Outlet(clock, 1_000_000);
  const session = { protocol: "v1" as const, state };
  const connection = new Connection(1, session, "", "", new TokenBucket(9, 9), outlet, 0);
  const frames: unknown[] = [];
  connection.socket = {
    remoteAddress: "",
    sendText: (frame) => frames.push(JSON.parse(frame)),
    cork: (send) => send(),
    close: () => undefined,
    terminate: () => undefined,
    getBufferedAmount: () => 0,
  };
  const watch = (ref: number, ...conversations: string[]): void => {
    const frame: ClientFrameOf<"watch"> = { type: "watch", ref, conversations };
    carryOut(gateway, connection, state, frame);
  };
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 20; round += 1) await Promise.resolve();
    clock.endTurn();
  };
  return { lookUps, connection, frames, watch, settle };
}

test("[LB7] of two watches the later one holds, in whichever order the store answers, and both are answered", async () => {
  const { lookUps, connection, frames, watch, settle } = setUp();
  watch(1, "with_ben");
  watch(2, "with_cem");
  lookUps.get("with_cem")?.("cem");
  await settle();
  lookUps.get("with_ben")?.("ben");
  await settle();
  expect([...connection.watched]).toEqual(["cem"]);
  expect(frames).toEqual([
    { type: "presence", ref: 2, online: ["cem"], offline: [] },
    { type: "presence", ref: 1, online: ["ben"], offline: [] },
  ]);
});

test("[LB9] a watch that is refused costs a few reads and not one for each conversation it names", async () => {
  const { lookUps, connection, frames, watch, settle } = setUp();
  watch(1, ...Array.from({ length: defaultLimits.watchedPeers }, (_, index) => `invented_${index}`));
  expect(lookUps.size).toBe(10);
  for (const answer of lookUps.values()) answer(undefined);
  await settle();
  expect([lookUps.size, connection.watched.size]).toEqual([10, 0]);
  expect(frames).toMatchObject([{ type: "error", code: "conversation_unknown", ref: 1 }]);
});
