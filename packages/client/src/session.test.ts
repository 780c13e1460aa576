/** Logging in with tokens that the site of the page signs. */
import { describe, expect, test } from "bun:test";
import { connect } from "./client.ts";
import { createMockServer } from "./testing/index.ts";

function site() {
  const server = createMockServer();
  const carol = server.addUser("carol");
  const given: string[] = [];
  const failures: Error[] = [];
  const getToken = async (): Promise<string> => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    const token = server.signToken(carol);
    given.push(token);
    return token;
  };
  const join = () => connect({ url: server.url, environment: server.environment, getToken });
  return { server, carol, given, failures, getToken, join };
}

describe("getToken", () => {
  test("[HT3] is asked before the first login, and not again after a cut while the token is good", async () => {
    const { server, carol, given, join } = site();
    const client = join();
    await server.settled();
    expect(client.me?.id).toBe(carol.id);
    server.cut();
    await server.advance(2_000);
    expect(client.connection.kind).toBe("online");
    expect(given).toHaveLength(1);
    client.close();
  });

  test("[HT5] is asked when the token ends soon, and the connection goes on with the next one", async () => {
    const { server, given, join } = site();
    const client = join();
    await server.settled();
    const states: string[] = [];
    client.subscribe(() => states.push(client.connection.kind));
    server.expireToken(given[0] ?? "");
    await server.settled();
    expect(given).toHaveLength(2);
    expect(client.token).toBe(given[1]);
    expect(new Set(states)).toEqual(new Set(["online"]));
    client.close();
  });

  test("[HT10] is asked at once when the program wants the next token handed over", async () => {
    const { server, given, failures, join } = site();
    const client = join();
    await server.settled();
    const renewed = client.renewToken();
    await server.settled();
    expect([await renewed, client.token, given.length]).toEqual([true, given[1], 2]);
    failures.push(new Error("the site is down"));
    const refused = client.renewToken();
    await server.settled();
    expect([await refused, client.connection.kind, client.token]).toEqual([false, "online", given[1]]);
    client.close();
  });

  test("[HT2] is asked again when the token was refused as expired, at a login", async () => {
    const { server, given, getToken } = site();
    const expired = await getToken();
    server.expireToken(expired);
    const { url, environment } = server;
    const client = connect({ url, environment, token: expired, getToken });
    await server.advance(2_000);
    expect(client.connection.kind).toBe("online");
    expect(client.token).toBe(given[1]);
    client.close();
  });

  test("[HT6] is asked again when the session has expired", async () => {
    const { server, given, join } = site();
    const client = join();
    await server.settled();
    server.cut(4504);
    await server.advance(2_000);
    expect(client.connection.kind).toBe("online");
    expect(given).toHaveLength(2);
    client.close();
  });

  test("while it rejects, the client tries again with growing waits", async () => {
    const { server, given, failures, join } = site();
    failures.push(new Error("the site is down"), new Error("the site is down"));
    const client = join();
    await server.settled();
    expect(client.connection.kind).toBe("waiting");
    await server.advance(5_000);
    expect(client.connection.kind).toBe("online");
    expect(given).toHaveLength(1);
    client.close();
  });

  test("[HL7] a site whose tokens are refused again and again ends with the refusal", async () => {
    const server = createMockServer();
    let asked = 0;
    const client = connect({
      url: server.url,
      environment: server.environment,
      getToken: async () => {
        asked += 1;
        return "forged";
      },
    });
    await server.advance(60_000);
    expect(client.connection).toMatchObject({ kind: "stopped", error: { code: "token_invalid" } });
    expect(asked).toBe(2);
    client.reconnect();
    await server.advance(60_000);
    expect(asked).toBe(4);
  });

  test("what comes of it after the client was closed opens no connection", async () => {
    const server = createMockServer();
    const { promise, resolve } = Promise.withResolvers<string>();
    const client = connect({ url: server.url, environment: server.environment, getToken: () => promise });
    client.close();
    resolve(server.signToken(server.addUser("carol")));
    await server.advance(60_000);
    expect(client.connection).toEqual({ kind: "stopped", reason: "closed" });
    expect(client.me).toBeUndefined();
  });
});
