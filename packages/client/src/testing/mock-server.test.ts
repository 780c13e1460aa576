/** The mock server as its users meet it. What a server must do for any client, the wire suite asks of it. */
import { describe, expect, test } from "bun:test";
import { type Client, connect } from "../client.ts";
import { browserEnvironment } from "../environment.ts";
import { createMockServer, type MockServer } from "./index.ts";

async function joinWith(server: MockServer, token: string): Promise<Client> {
  const client = connect({ url: server.url, environment: server.environment, token });
  await server.settled();
  return client;
}

describe("the mock server, for a site with users of its own", () => {
  test("[HT3, HT4] takes the token that it signed, from a member, whose name is fixed", async () => {
    const server = createMockServer();
    const token = server.signToken(server.addUser("carol"));
    const carol = await joinWith(server, token);
    expect(carol.me).toMatchObject({ name: "carol", kind: "member" });
    expect(carol.token).toBe(token);
    const renamed = carol.rename("caroline").catch((error: { code: string }) => error.code);
    await server.settled();
    expect(await renamed).toBe("nickname_fixed");
    carol.close();
  });

  test("[HT2, HT6] refuses an expired token, and ends the connection of whoever brings no other", async () => {
    const server = createMockServer();
    const token = server.signToken(server.addUser("carol"));
    const carol = await joinWith(server, token);
    server.expireToken(token);
    await server.advance(80_000);
    expect(carol.connection.kind).toBe("online");
    await server.advance(20_000);
    expect(carol.connection).toMatchObject({ kind: "stopped", reason: "session_expired" });
    const late = await joinWith(server, token);
    expect(late.connection).toMatchObject({ kind: "stopped", error: { code: "token_expired" } });
  });

  test("[HT5] asks for another token, and goes on with it", async () => {
    const server = createMockServer();
    const user = server.addUser("carol");
    const given: string[] = [];
    const getToken = async (): Promise<string> => {
      given.push(server.signToken(user));
      return given.at(-1) ?? "";
    };
    const carol = connect({ url: server.url, environment: server.environment, getToken });
    await server.settled();
    server.expireToken(given[0] ?? "");
    await server.advance(100_000);
    expect([given.length, carol.connection.kind]).toEqual([2, "online"]);
    carol.close();
  });

  test("[HT7] ends by a logout the connections with that token, which is good afterwards", async () => {
    const server = createMockServer();
    const user = server.addUser("carol");
    const [token, other] = [server.signToken(user), server.signToken(user)];
    const clients = [
      await joinWith(server, token),
      await joinWith(server, token),
      await joinWith(server, other),
    ];
    const left = clients[0]?.logout();
    await server.settled();
    await left;
    expect(clients.map(({ connection }) => connection.kind)).toEqual(["stopped", "stopped", "online"]);
    const again = await joinWith(server, token);
    expect(again.connection.kind).toBe("online");
    for (const client of [...clients, again]) client.close();
  });
});

describe("a test with the mock server", () => {
  test("writes, reads, loses the network and waits, without time of its own", async () => {
    const server = createMockServer();
    const bob = server.addUser("bob");
    const alice = connect({ url: server.url, nickname: "alice", environment: server.environment });
    await server.settled();
    if (alice.me === undefined) throw new TypeError("alice is not logged in");
    const opened = alice.open(bob.id);
    await server.settled();
    const conversation = await opened;
    server.reachable = false;
    server.cut();
    alice.send(conversation, "are you there?");
    await server.advance(5_000);
    expect(server.messages(alice.me, bob)).toEqual([]);
    server.reachable = true;
    await server.advance(10_000);
    server.write(bob, alice.me, "I am");
    await server.settled();
    expect(alice.timeline(conversation).entries.map((entry) => entry.body?.text)).toEqual([
      "are you there?",
      "I am",
    ]);
    expect(server.messages(alice.me, bob)).toEqual([
      { from: alice.me, text: "are you there?" },
      { from: bob, text: "I am" },
    ]);
    server.refuseNext("recipient_gone");
    alice.send(conversation, "still?");
    await server.settled();
    expect(alice.timeline(conversation).entries.at(-1)?.state).toBe("failed");
    alice.close();
  });

  test("serves code that makes its own environment, through the constructor of sockets", async () => {
    const server = createMockServer();
    const environment = browserEnvironment({ WebSocket: server.WebSocket });
    const client = connect({ url: server.url, nickname: "alice", environment });
    await server.settled();
    expect(client.connection.kind).toBe("online");
    client.close();
  });
});
