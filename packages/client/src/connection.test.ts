import { describe, expect, test } from "bun:test";
import { closeTable } from "@duologue/protocol";
import { afterClose } from "./policy.ts";
import { Room } from "./testing/room.ts";

describe("connection", () => {
  test("[HL2] a nickname logs in as a guest, and the token is handed to the page", () => {
    using room = new Room();
    const tokens: (string | undefined)[] = [];
    const client = room.connect({ nickname: "alice", onToken: (token) => tokens.push(token) });
    expect(client.connection).toEqual({ kind: "connecting" });
    room.server.flush();
    expect(client.connection).toEqual({ kind: "online" });
    expect(client.me?.name).toBe("alice");
    expect(tokens).toEqual([room.server.last.token]);
  });

  test("[HL3] after a cut the token logs in, and the nickname is not said again", () => {
    using room = new Room();
    const { client } = room.join("alice");
    room.server.cut(room.link(client));
    room.pass(1_000);
    expect(client.connection.kind).toBe("online");
    expect(room.server.last.taken[0]).toMatchObject({ type: "hello", token: client.token });
    expect(room.server.last.taken[0]).not.toHaveProperty("nickname");
  });

  test("[CN6] every code below 4500 that is not final in the standard reconnects; the others stop with their name", () => {
    for (const code of [1001, 1006, 1011, 1012, 4000, 4003, 4004, 4499]) {
      expect(afterClose(code)).toEqual({ reconnect: true, soon: true });
    }
    for (const code of [1013, 4001, 4002, 4005]) {
      expect(afterClose(code)).toEqual({ reconnect: true, soon: false });
    }
    expect(afterClose(1009)).toEqual({ reconnect: false, reason: "frame_too_big" });
    expect(afterClose(4999)).toEqual({ reconnect: false, reason: "refused" });
    for (const [name, { code }] of Object.entries(closeTable)) {
      if (code >= 4500) expect(afterClose(code)).toMatchObject({ reconnect: false, reason: name });
    }
  });

  test("[HL7] a refused token stops the client with the reason and takes the token back from the page", () => {
    using room = new Room();
    const tokens: (string | undefined)[] = [];
    const client = room.connect({ token: "forged", onToken: (token) => tokens.push(token) });
    room.server.flush();
    expect(client.connection).toMatchObject({
      kind: "stopped",
      reason: "hello_refused",
      error: { code: "token_invalid" },
    });
    expect(tokens).toEqual([undefined]);
    room.pass(60_000);
    expect(room.server.links).toHaveLength(1);
    expect(room.environment.timerCount).toBe(0);
  });

  test("tries again after 0.5 s × 2^n moved by at most 30 %, and never waits longer than 39 s", () => {
    using room = new Room();
    room.server.acceptsSockets = false;
    const client = room.connect({ nickname: "alice" });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      room.server.flush();
      const { connection } = client;
      if (connection.kind !== "waiting") throw new TypeError(`not waiting but ${connection.kind}`);
      const waitMs = connection.nextTryAt - room.environment.now();
      waits.push(waitMs);
      room.environment.advance(waitMs);
    }
    for (const [attempt, waitMs] of waits.entries()) {
      const planned = Math.min(30_000, 500 * 2 ** attempt);
      expect(waitMs).toBeWithin(planned * 0.7, planned * 1.3 + 1);
    }
    expect(new Set(waits).size).toBe(waits.length);
  });

  test("comes back within a second when it was cut, but not again and again from a server that keeps crashing", () => {
    using room = new Room();
    const { client } = room.join("alice");
    const cutAndReturn = (): number => {
      room.server.cut(room.link(client));
      const { connection } = client;
      const waitMs = connection.kind === "waiting" ? connection.nextTryAt - room.environment.now() : 0;
      room.environment.advance(waitMs);
      room.server.flush();
      return waitMs;
    };
    for (let round = 0; round < 10; round += 1) expect(cutAndReturn()).toBeLessThanOrEqual(1_000);
    for (let round = 0; round < 6; round += 1) cutAndReturn();
    expect(cutAndReturn()).toBeGreaterThan(15_000);
    room.pass(11_000);
    expect(cutAndReturn()).toBeLessThanOrEqual(1_000);
  });

  test("tries at once when the network or the page comes back", () => {
    using room = new Room();
    const { client } = room.join("alice");
    room.server.cut(room.link(client));
    expect(client.connection.kind).toBe("waiting");
    room.environment.wake();
    room.server.flush();
    expect(client.connection.kind).toBe("online");
  });

  test("[CN7] pings every 25 s, and takes a connection without pong for dead after 10 s", () => {
    using room = new Room();
    const { client } = room.join("alice");
    const link = room.link(client);
    room.pass(51_000);
    expect(link.taken.filter((frame) => frame.type === "ping")).toHaveLength(2);
    room.server.answersPings = false;
    room.pass(25_000);
    expect(client.connection.kind).toBe("online");
    room.pass(10_000);
    expect(link.isGone).toBe(true);
  });

  test("a server that accepts but never welcomes is given up after 10 s", () => {
    using room = new Room();
    const client = room.connect({ nickname: "alice" });
    room.server.step(room.server.last);
    room.environment.advance(10_000);
    expect(client.connection.kind).toBe("waiting");
  });

  test("a frame that a newer server invented is ignored", () => {
    using room = new Room();
    const { client } = room.join("alice");
    room.link(client).down.push('{"type":"confetti"}', "not even JSON");
    room.server.flush();
    expect(client.connection.kind).toBe("online");
  });

  test("close leaves no timer and no listener behind", () => {
    using room = new Room();
    const { client } = room.join("alice");
    client.close();
    expect(client.connection).toEqual({ kind: "stopped", reason: "closed" });
    expect(room.environment.timerCount).toBe(0);
    expect(room.environment.wakeListenerCount).toBe(0);
  });
});

describe("requests", () => {
  test("a request made before the connection is there is carried out when it comes", async () => {
    using room = new Room();
    room.join("bob");
    const client = room.connect({ nickname: "alice" });
    const found = client.search("bo");
    room.server.flush();
    expect(await found).toMatchObject([{ name: "bob", online: true }]);
  });

  test("a request cut off is asked again on the next connection", async () => {
    using room = new Room();
    const { client } = room.join("alice");
    const found = client.search("al");
    room.server.cut(room.link(client));
    room.pass(1_000);
    expect(await found).toHaveLength(1);
  });

  test("a refused request says the server's code", async () => {
    using room = new Room();
    const { client, id } = room.join("alice");
    const opened = client.open(id);
    room.server.flush();
    await expect(opened).rejects.toMatchObject({ name: "RequestError", code: "self_conversation" });
  });

  test("a request that nobody answers fails with timeout", async () => {
    using room = new Room();
    room.server.acceptsSockets = false;
    const client = room.connect({ nickname: "alice" });
    const found = client.search("bo");
    room.pass(31_000);
    await expect(found).rejects.toMatchObject({ code: "timeout" });
  });

  test("[HL10] logging out forgets the token, the messages and what was unsent", async () => {
    using room = new Room();
    const tokens: (string | undefined)[] = [];
    const { client } = room.join("alice", { onToken: (token) => tokens.push(token) });
    const done = client.logout();
    room.server.flush();
    await done;
    expect(client.connection).toEqual({ kind: "stopped", reason: "logged_out" });
    expect(tokens.at(-1)).toBeUndefined();
    expect(client.me).toBeUndefined();
    expect(room.environment.timerCount).toBe(0);
  });

  test("[HL10] the close may overtake the answer to logout", async () => {
    using room = new Room();
    const { client } = room.join("alice");
    const done = client.logout();
    room.server.cut(room.link(client), 4503);
    await done;
    expect(client.connection).toMatchObject({ kind: "stopped", reason: "logged_out" });
  });
});

describe("lobby", () => {
  test("[LB1] the lobby is whole at first and follows who comes, leaves and takes another name", async () => {
    using room = new Room();
    const { client: alice } = room.join("alice");
    const { client: bob, id } = room.join("bob");
    expect([...(alice.lobby.users?.values() ?? [])].map((user) => user.name)).toEqual(["alice", "bob"]);
    const renamed = bob.rename("robert");
    room.server.flush();
    expect((await renamed).name).toBe("robert");
    expect(alice.lobby.users?.get(id)?.name).toBe("robert");
    bob.close();
    room.server.flush();
    expect(alice.lobby.count).toBe(1);
  });

  test("[LB3] a lobby past its limit is a count, and a list that no longer adds up is not shown", () => {
    using room = new Room();
    const { client } = room.join("alice");
    room.server.push(room.link(client), { type: "lobby-change", count: 1001, joined: [], left: [] });
    room.server.flush();
    expect(client.lobby).toEqual({ count: 1001, users: undefined });
  });
});
