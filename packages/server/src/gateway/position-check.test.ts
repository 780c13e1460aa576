import { describe, expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { createLogger } from "../log.ts";
import { Connection, Outlet, type V1State } from "./connection.ts";
import { Connections } from "./connections.ts";
import { PositionCheck } from "./position-check.ts";
import { TokenBucket } from "./rate.ts";

const log = createLogger({ level: "silent", format: "json", name: "test" });

function setUp(users: number) {
  const clock = new FakeClock();
  const outlet = new Outlet(clock, 1_000_000);
  const connections = new Connections(
    "epoch",
    () => undefined,
    () => 77,
  );
  const positions = new Map<string, number>();
  const ended = new Set<string>();
  const asked: string[] = [];
  const all = Array.from({ length: users }, (_, index) => {
    const id = `u_${index}`;
    const user = { id, name: id, kind: "guest" as const, createdAt: 0 };
    const state: V1State = {
      name: "ready",
      user,
      session: `s_${index}`,
      expiresAt: 0,
      isExpiryTold: false,
      waiting: undefined,
    };
    const session = { protocol: "v1" as const, state };
    const connection = new Connection(index, session, "", "", new TokenBucket(9, 9), outlet, 0);
    const frames: string[] = [];
    connection.socket = {
      remoteAddress: "",
      sendText: (frame) => frames.push(frame),
      cork: (send) => send(),
      close: (_, reason) => frames.push(`closed: ${reason}`),
      terminate: () => undefined,
      getBufferedAmount: () => 0,
    };
    connections.add(id, connection);
    return { id, connection, frames };
  });
  const store = {
    positions: async (users: readonly string[]) => {
      asked.push(...users);
      if (users.includes("u_broken")) throw new RangeError("the store cannot be read");
      return new Map([...positions].filter(([user]) => users.includes(user)));
    },
    endedSessions: async (sessions: readonly string[]) => ended.intersection(new Set(sessions)),
  };
  const answers: (readonly (readonly [string, number])[])[] = [];
  const check = new PositionCheck(connections, store, clock, log, (told) => void answers.push(told));
  /** Lets the reads of one step end. */
  const step = async (): Promise<void> => {
    for (let round = 0; round < 20; round += 1) await Promise.resolve();
    clock.endTurn();
  };
  return { clock, connections, positions, ended, asked, answers, all, check, step };
}

describe("the comparison with the store", () => {
  test("[SY5] tells those connections that were not told of the last change, once, and no other", async () => {
    const { all, connections, positions, check, step } = setUp(3);
    const [behind, told, idle] = all;
    for (const { id } of all.slice(0, 2)) positions.set(id, 8);
    connections.deliver("u_1", {
      kind: "markers",
      conversation: "c",
      user: "u_9",
      delivered: 1,
      read: 1,
      unread: 0,
      position: 8,
      prev: { u_1: 7, u_9: 7 },
    });
    check.begin();
    await step();
    check.begin();
    await step();
    expect(behind?.frames).toEqual(['{"type":"pong","time":77,"behind":true}']);
    expect([told?.frames.length, idle?.frames.length]).toEqual([1, 0]);
  });

  test("a note that somebody is behind is passed on only to connections that are", async () => {
    const { all, connections, step } = setUp(1);
    connections.deliver("u_0", { kind: "behind", position: 5 });
    connections.deliver("u_0", { kind: "behind", position: 5 });
    connections.deliver("u_0", { kind: "behind", position: 4 });
    await step();
    expect(all[0]?.frames).toHaveLength(1);
  });

  test("[HL10] closes the connections of sessions that have ended meanwhile", async () => {
    const { all, ended, check, step } = setUp(2);
    ended.add("s_1");
    check.begin();
    await step();
    expect(all.map(({ frames }) => frames)).toEqual([[], ["closed: logged_out"]]);
  });

  test("takes two hundred users at a time, and begins again when it was asked meanwhile", async () => {
    const { clock, asked, check, step } = setUp(450);
    check.begin();
    await step();
    expect(asked).toHaveLength(200);
    check.begin();
    check.begin();
    for (let count = 0; count < 10; count += 1) {
      clock.advance(50);
      await step();
    }
    // Those whose turn was yet to come, once; those before, again.
    expect(asked).toHaveLength(650);
    expect(new Set(asked.slice(200)).size).toBe(450);
  });

  test("[SY5] a connection that was told of a change that is not there goes back, and its client is told", async () => {
    const { all, connections, positions, answers, check, step } = setUp(3);
    for (const { id, connection } of all) {
      positions.set(id, 8);
      connection.position = 8;
    }
    const [forged, later] = all;
    if (forged === undefined || later === undefined) throw new TypeError();
    forged.connection.position = 9e14;
    check.answer(["u_0", "u_1"]);
    // While the store is asked: this one is true, though the answer does not hold it.
    later.connection.position = 9;
    await step();
    expect(all.map(({ frames }) => frames.length)).toEqual([1, 0, 0]);
    expect(all.map(({ connection }) => connection.position)).toEqual([8, 9, 8]);
    expect(answers).toEqual([
      [
        ["u_0", 8],
        ["u_1", 8],
      ],
    ]);
    connections.tellBehind("u_0", 9);
    await step();
    expect(forged.frames).toHaveLength(2);
  });

  test("a store that cannot be read ends nothing", async () => {
    const { all, connections, asked, check, step } = setUp(1);
    const [{ connection } = { connection: undefined }] = all;
    if (connection !== undefined) connections.add("u_broken", connection);
    check.begin();
    await step();
    check.begin();
    await step();
    expect(asked).toEqual(["u_0", "u_broken", "u_0", "u_broken"]);
  });
});
