import { describe, expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { LobbyView, PresentUser } from "../ports/presence.ts";
import { type ClientSocket, Connection, mayWait, Outlet } from "./connection.ts";
import { Connections } from "./connections.ts";
import { LobbyBroadcast } from "./lobby.ts";
import { TokenBucket } from "./rate.ts";

interface LobbyFrame {
  readonly type: string;
  readonly count: number;
  readonly users?: readonly { readonly id: string }[];
  readonly joined?: readonly unknown[];
  readonly left?: readonly string[];
}

/** A list that tests change, and v1 connections that keep what they are sent. */
function setUp(lobbyUsers: number) {
  const clock = new FakeClock();
  const users = new Map<string, PresentUser>();
  let elsewhere = 0;
  const lobby: LobbyView = {
    get size() {
      return users.size + elsewhere;
    },
    get isWhole() {
      return elsewhere === 0;
    },
    get: (id) => users.get(id),
    byAddress: () => undefined,
    all: () => users.values(),
  };
  const connections = new Connections(
    "epoch",
    () => undefined,
    () => 0,
  );
  const outlet = new Outlet(clock, defaultLimits.outboxBytes);
  const broadcast = new LobbyBroadcast(lobby, connections, clock, { ...defaultLimits, lobbyUsers });
  const user = (id: string): PresentUser => ({
    id,
    name: id,
    kind: "guest",
    address: `240.0.0.1:${id.length}`,
  });
  const connect = (): LobbyFrame[] => {
    const frames: LobbyFrame[] = [];
    const session = { protocol: "v1", state: { name: "hello-expected" } } as const;
    const connection = new Connection(1, session, "", "", new TokenBucket(1, 1), outlet, 0);
    const sendText = (text: string): number => frames.push(JSON.parse(text) as LobbyFrame);
    connection.socket = {
      sendText,
      cork: (run: () => void) => run(),
      getBufferedAmount: () => 0,
    } as unknown as ClientSocket;
    connections.open.add(connection);
    broadcast.sendWhole(connection);
    clock.endTurn();
    return frames;
  };
  return {
    clock,
    connect,
    join(id: string) {
      users.set(id, user(id));
      broadcast.onChange({ joined: [user(id)], left: [] });
    },
    leave(id: string) {
      users.delete(id);
      broadcast.onChange({ joined: [], left: [user(id)] });
    },
    /** So many are online on other nodes, and only their number is known. */
    count(others: number) {
      elsewhere = others;
      broadcast.onChange({ joined: [], left: [], remoteUsers: others });
    },
  };
}

describe("lobby", () => {
  test("[LB2] changes within lobbyShareMs share a frame", () => {
    const { clock, connect, join, leave } = setUp(10);
    join("a");
    const frames = connect();
    clock.advance(1_000);
    const before = frames.length;
    join("b");
    clock.advance(1);
    join("c");
    leave("b");
    clock.advance(200);
    expect(frames.slice(before).map(({ type, count }) => [type, count])).toEqual([
      ["lobby-change", 2],
      ["lobby-change", 2],
    ]);
  });

  test("[LB3] who came when the list was too long to be sent gets it as soon as it is not", () => {
    const { clock, connect, join, leave } = setUp(2);
    join("a");
    join("b");
    connect();
    clock.advance(1_000);
    join("c");
    const frames = connect();
    expect(frames).toEqual([{ type: "lobby", count: 3 }]);
    leave("c");
    clock.advance(5_000);
    const lists = frames.filter(({ type, users }) => type === "lobby" && users !== undefined);
    expect(lists.map(({ users }) => users?.map(({ id }) => id))).toEqual([["a", "b"]]);
  });
});

describe("the number of those who are online on other nodes", () => {
  test("[LB3] is told when it changes, though nobody comes or leaves here", () => {
    const { clock, connect, join, count } = setUp(10);
    join("a");
    const frames = connect();
    clock.advance(1_000);
    const before = frames.length;
    count(19);
    clock.advance(5_000);
    count(39);
    clock.advance(5_000);
    count(39);
    clock.advance(5_000);
    expect(frames.slice(before)).toEqual([
      { type: "lobby-change", count: 20, joined: [], left: [] },
      { type: "lobby-change", count: 40, joined: [], left: [] },
    ]);
  });

  test("[LB3] gives way to the list when all are few again", () => {
    const { clock, connect, join, count } = setUp(10);
    join("a");
    count(19);
    const frames = connect();
    clock.advance(5_000);
    count(0);
    clock.advance(5_000);
    expect(frames.at(-1)).toMatchObject({ type: "lobby", count: 1, users: [{ id: "a" }] });
  });
});

describe("frames that wait for a login", () => {
  test("[CN4] are bounded in number and in length together", () => {
    expect(mayWait([], "x".repeat(100), 2, 100)).toBe(true);
    expect(mayWait([], "x".repeat(101), 2, 100)).toBe(false);
    expect(mayWait(["x".repeat(60)], "x".repeat(41), 2, 100)).toBe(false);
    expect(mayWait(["x", "y"], "z", 2, 100)).toBe(false);
  });
});
