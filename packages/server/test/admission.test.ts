/** Who is let in: the operator's origins, trusted proxies, limits per address, tokens of another time or server. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { closeTable, SUBPROTOCOL } from "@duologue/protocol";
import { limits, type Server, startServer } from "@duologue/testing";
import { freshName, Pair, Peer, RefusedError } from "./harness/peer.ts";
import { requestUpgrade } from "./harness/raw.ts";
import { hs256, parseToken } from "./harness/token.ts";

setDefaultTimeout(60_000);

function withServer(options: readonly string[]): () => Server {
  let server: Server | undefined;
  beforeAll(async () => {
    server = await startServer({ options });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return () => {
    if (server === undefined) throw new Error("the server did not start");
    return server;
  };
}

/** The error code with which a hello is refused. */
async function refusalOf(connecting: Promise<Peer>): Promise<string> {
  const reason = await connecting.catch((refusal: unknown) => refusal);
  if (!(reason instanceof RefusedError)) throw new Error(`not refused: ${String(reason)}`);
  return reason.frame.code;
}

describe("origins", () => {
  const server = withServer([
    "--origins",
    "https://app.example,http://localhost:3000",
    "--classic",
    "same-origin",
  ]);
  const status = async (origin: string, protocol?: string): Promise<number> =>
    (
      await requestUpgrade(server().url, {
        headers: { Origin: origin },
        ...(protocol === undefined ? {} : { protocol }),
      })
    ).status;

  test("[CN2] an origin on the operator's list is let in, and none that only looks like it", async () => {
    expect(await status("https://app.example", SUBPROTOCOL)).toBe(101);
    expect(await status("http://localhost:3000", SUBPROTOCOL)).toBe(101);
    expect(await status(server().url, SUBPROTOCOL)).toBe(101);
    const foreign = [
      "http://app.example",
      "https://app.example:444",
      "https://app.example.evil.com",
      "https://xapp.example",
    ];
    for (const origin of foreign) expect([origin, await status(origin, SUBPROTOCOL)]).toEqual([origin, 403]);
  });

  test("with classic same-origin, pages of other sites cannot speak classic either", async () => {
    expect(await status("https://evil.example")).toBe(403);
    expect(await status("https://app.example")).toBe(101);
    expect((await requestUpgrade(server().url)).status).toBe(101);
  });
});

describe("classic off", () => {
  const server = withServer(["--classic", "off"]);

  test("a request without subprotocol is refused with 403, v1 goes on", async () => {
    expect((await requestUpgrade(server().url)).status).toBe(403);
    expect((await requestUpgrade(server().url, { protocol: SUBPROTOCOL })).status).toBe(101);
  });
});

describe("addresses", () => {
  const server = withServer([
    "--trusted-proxies",
    "127.0.0.1",
    ...limits({ guestsPerMinute: 2, connectionsPerAddress: 4, connectionsPerWorker: 12 }),
  ]);
  const from = (address: string): Promise<Peer> =>
    Peer.connect(server().url, { nickname: freshName() }, { headers: { "X-Forwarded-For": address } });

  test("more new guests from one address than guestsPerMinute are refused; who returns is not", async () => {
    await using first = await from("203.0.113.7");
    await using second = await from("203.0.113.7");
    expect(await refusalOf(from("203.0.113.7"))).toBe("too_many_guests");
    await using again = await Peer.connect(
      server().url,
      { token: first.token },
      { headers: { "X-Forwarded-For": "203.0.113.7" } },
    );
    await using other = await from("203.0.113.8");
    expect(new Set([first, second, again, other].map(({ id }) => id)).size).toBe(3);
  });

  test("one IPv6 /64 counts as one address, and what a client put in front of its own is not believed", async () => {
    await using first = await from("2001:db8:1:2::1");
    await using second = await from("198.51.100.1, 2001:db8:1:2:ffff::2");
    expect(await refusalOf(from("203.0.113.99, 2001:db8:1:2::3"))).toBe("too_many_guests");
    await using other = await from("2001:db8:1:3::1");
    expect(new Set([first, second, other].map(({ id }) => id)).size).toBe(3);
  });

  test("more connections of one address than connectionsPerAddress are refused with 429, of all with 503", async () => {
    const headers = { "X-Forwarded-For": "192.0.2.1" };
    const open: Peer[] = [];
    for (let count = 1; count <= 4; count += 1) open.push(await Peer.open(server().url, { headers }));
    const crowded = await requestUpgrade(server().url, { protocol: SUBPROTOCOL, headers });
    expect(crowded.status).toBe(429);
    for (let count = 5; count <= 12; count += 1) open.push(await Peer.open(server().url));
    expect((await requestUpgrade(server().url, { protocol: SUBPROTOCOL })).status).toBe(503);
    await Promise.all(open.map((peer) => peer.close()));
  });
});

describe("addresses without a trusted proxy", () => {
  const server = withServer(limits({ guestsPerMinute: 1 }));

  test("X-Forwarded-For of a stranger changes nothing", async () => {
    const headers = { "X-Forwarded-For": "203.0.113.7" };
    const peers = [1, 2, 3].map(() => Peer.connect(server().url, { nickname: freshName() }, { headers }));
    await Promise.all((await Promise.all(peers)).map((peer) => peer.close()));
  });
});

describe("tokens", () => {
  const server = withServer([]);
  const other = withServer([]);
  const secret = (): string => readFileSync(join(server().dataDirectory, "token-secret"), "utf8");

  test("[HL7] an expired token is answered with token_expired, then close", async () => {
    await using ann = await Peer.connect(server().url);
    const { head, payload } = parseToken(ann.token);
    const expired = hs256(head, { ...payload, exp: Math.floor(ann.welcome.time / 1000) - 60 }, secret());
    const peer = await Peer.open(server().url);
    const refusal = await peer.hello({ token: expired }).catch((reason: unknown) => reason);
    expect(refusal).toBeInstanceOf(RefusedError);
    expect((refusal as RefusedError).frame.code).toBe("token_expired");
    expect((await peer.whenClosed()).code).toBe(closeTable.hello_refused.code);
  });

  test("[HL7] a token that the secret signed, but for no session or the wrong user, is refused", async () => {
    await using ann = await Peer.connect(server().url);
    await using ben = await Peer.connect(server().url);
    const { head, payload } = parseToken(ann.token);
    // The forging works: with nothing changed it is accepted.
    await using same = await Peer.connect(server().url, { token: hs256(head, payload, secret()) });
    expect(same.id).toBe(ann.id);
    const forged = [
      { ...payload, sub: ben.id },
      { ...payload, sid: "no-such-session" },
      { ...payload, sid: undefined },
    ];
    for (const claims of forged) {
      const token = hs256(head, claims, secret());
      expect(["token_invalid", "session_ended"]).toContain(
        await refusalOf(Peer.connect(server().url, { token })),
      );
    }
  });

  test("[HL7] another server's token is answered with token_invalid", async () => {
    await using ann = await Peer.connect(other().url);
    expect(await refusalOf(Peer.connect(server().url, { token: ann.token }))).toBe("token_invalid");
  });

  test("[SY3] another server's cursor gets reset", async () => {
    await using pair = await Pair.connect(other().url);
    const { cursor = "" } = await pair.ann.say(pair.conversation, "one");
    await using ann = await Peer.connect(server().url);
    expect((await ann.ask({ type: "sync", cursor }, "changes")).reset).toBe(true);
  });

  test("the data directory and the secret in it are for the server's user alone", () => {
    expect(statSync(join(server().dataDirectory, "token-secret")).mode & 0o077).toBe(0);
    expect(statSync(server().dataDirectory).mode & 0o077).toBe(0);
  });
});

test("the sites that embed it may hold the chat for embedding in a frame, and nobody the whole page", async () => {
  await using server = await startServer({ options: ["--embed-origins", "https://site.example"] });
  const { headers } = await fetch(`${server.url}/embed`);
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'self' https://site.example");
  expect(headers.has("x-frame-options")).toBe(false);
  const whole = (await fetch(server.url)).headers;
  expect(whole.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(whole.get("x-frame-options")).toBe("DENY");
});
