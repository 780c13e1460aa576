import { describe, expect, test } from "bun:test";
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { unsignedToken } from "../../test/harness/token.ts";
import type { HostLogin } from "../ports/host-login.ts";
import { type HostCheck, HostTokens, signTrialToken } from "./host-tokens.ts";
import { type JwksTimes, MAX_JWKS_BYTES } from "./jwks.ts";

const SECRET = "a secret of this test, long enough for HS256";
const clock = new FakeClock();
const NOW = clock.now() / 1000;
const claims = { sub: "u1", name: "Ann", exp: NOW + 600 };
const TIMES: JwksTimes = { timeoutMs: 5_000, cooldownMs: 30_000, restMs: 2_000 };

function bySecret(more: Partial<HostLogin> = {}): HostTokens {
  const login = { key: { kind: "secret", secret: SECRET }, issuer: undefined, audience: undefined } as const;
  return new HostTokens({ ...login, ...more }, clock, () => undefined);
}

interface SignOptions {
  readonly algorithm: string;
  readonly key: CryptoKey | Uint8Array;
  readonly kid?: string;
}

function sign(payload: JWTPayload, { algorithm, key, kid }: SignOptions): Promise<string> {
  const head = { alg: algorithm, ...(kid === undefined ? {} : { kid }) };
  return new SignJWT(payload).setProtectedHeader(head).sign(key);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function signHs(payload: JWTPayload, secret = SECRET): Promise<string> {
  return sign(payload, { algorithm: "HS256", key: bytes(secret) });
}

async function outcome(tokens: HostTokens, token: string): Promise<string> {
  const check = await tokens.verify(token);
  return check.ok ? "ok" : check.reason;
}

async function accepted(checking: Promise<HostCheck>): Promise<Extract<HostCheck, { ok: true }>["claims"]> {
  const check = await checking;
  if (!check.ok) throw new Error(`refused: ${JSON.stringify(check)}`);
  return check.claims;
}

/** The site's key set, which a test may change, break or hold back. */
class Site implements Disposable {
  keys: JWK[] = [];
  fetches = 0;
  answer: () => Response | Promise<Response> = () => Response.json({ keys: this.keys });
  readonly faults: unknown[] = [];
  readonly clock = new FakeClock();
  readonly #server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => {
      this.fetches += 1;
      return this.answer();
    },
  });

  tokens(times: Partial<JwksTimes> = {}): HostTokens {
    const url = `http://127.0.0.1:${this.#server.port}/jwks`;
    const login: HostLogin = { key: { kind: "jwks", url }, issuer: undefined, audience: undefined };
    const onFault = (error: unknown): void => void this.faults.push(error);
    return new HostTokens(login, this.clock, onFault, { ...TIMES, ...times });
  }

  /** A new key, its public half in the set; returns how to sign with the other. */
  async addKey(algorithm: string, kid: string): Promise<SignOptions> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm);
    this.keys.push({ ...(await exportJWK(publicKey)), kid });
    return { algorithm, key: privateKey, kid };
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

describe("tokens signed with the shared secret", () => {
  test("[HT3] name the user by issuer and subject, always the same", async () => {
    const tokens = bySecret();
    const first = await accepted(tokens.verify(await signHs({ ...claims, iss: "https://a.example" })));
    expect(first).toMatchObject({ name: "Ann", expiresAt: claims.exp * 1000 });
    // printf 'https://a.example\0u1' | openssl dgst -sha256 -binary | basenc --base64url
    expect(first.user).toBe("h_Mc-wi9OROdAfk5L-MCNIyr");
    const again = { sub: "u1", name: "Anna", exp: NOW + 60, iss: "https://a.example" };
    expect((await accepted(tokens.verify(await signHs(again)))).user).toBe(first.user);
    for (const other of [{ ...again, iss: "https://b.example" }, { ...again, sub: "u2" }, claims]) {
      expect((await accepted(tokens.verify(await signHs(other)))).user).not.toBe(first.user);
    }
  });

  test("[HT7] of one user belong together by sid, else by jti, else only with themselves", async () => {
    const session = async (more: JWTPayload): Promise<string> =>
      (await accepted(bySecret().verify(await signHs({ ...claims, ...more })))).session;
    expect(await session({ sid: "s", jti: "a" })).toBe(await session({ sid: "s", jti: "b" }));
    expect(await session({ jti: "a" })).toBe(await session({ jti: "a", exp: NOW + 60 }));
    const all = [{ sid: "s" }, { jti: "s" }, { sid: "t" }, { sid: "s", sub: "u2" }, {}, { exp: NOW + 60 }];
    expect(new Set(await Promise.all(all.map(session))).size).toBe(all.length);
  });

  test("[HT1] are refused when another secret or another algorithm signed", async () => {
    const tokens = bySecret();
    const site = await generateKeyPair("RS256");
    const forged = [
      await signHs(claims, `${SECRET}.`),
      await sign(claims, { algorithm: "HS512", key: bytes(SECRET.repeat(2)) }),
      await sign(claims, { algorithm: "RS256", key: site.privateKey }),
      unsignedToken({ alg: "none" }, claims),
      unsignedToken({ alg: "HS256" }, claims),
      "",
      "a.b.c",
    ];
    for (const token of forged) expect(await tokens.verify(token)).toEqual({ ok: false, reason: "invalid" });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["an exp just within the tolerance", { exp: NOW - 29 }, "ok"],
    ["an exp past the tolerance", { exp: NOW - 31 }, "expired"],
    ["an exp a day ahead", { exp: NOW + 24 * 3600 }, "ok"],
    ["an exp further ahead", { exp: NOW + 24 * 3600 + 31 }, "invalid"],
    ["an nbf within the tolerance", { nbf: NOW + 29 }, "ok"],
    ["an nbf after it", { nbf: NOW + 31 }, "invalid"],
    ["an iat within the tolerance", { iat: NOW + 29 }, "ok"],
    ["an iat after it", { iat: NOW + 31 }, "invalid"],
    ["a subject of 255 characters", { sub: "x".repeat(255) }, "ok"],
    ["a subject of 256", { sub: "x".repeat(256) }, "invalid"],
    ["an empty subject", { sub: "" }, "invalid"],
    ["a subject with half a character", { sub: "\ud800" }, "invalid"],
    ["no subject", { sub: undefined }, "invalid"],
    ["no name", { name: undefined }, "invalid"],
    ["a name that is no text", { name: 7 }, "invalid"],
    ["no exp", { exp: undefined }, "invalid"],
    ["an issuer that is no text", { iss: 7 }, "invalid"],
  ])("[HT2] with %s", async (_, more, expected) => {
    expect(await outcome(bySecret(), await signHs({ ...claims, ...more } as JWTPayload))).toBe(expected);
  });

  test("[HT2] must have the issuer and the audience that are configured", async () => {
    const tokens = bySecret({ issuer: "site", audience: "chat" });
    const cases: [JWTPayload, string][] = [
      [{ iss: "site", aud: "chat" }, "ok"],
      [{ iss: "site", aud: ["shop", "chat"] }, "ok"],
      [{ iss: "site", aud: "shop" }, "invalid"],
      [{ iss: "other", aud: "chat" }, "invalid"],
      [{ iss: "site" }, "invalid"],
      [{ aud: "chat" }, "invalid"],
    ];
    for (const [more, expected] of cases) {
      expect([more, await outcome(tokens, await signHs({ ...claims, ...more }))]).toEqual([more, expected]);
    }
  });

  test("for trying out are taken, and last as long as was asked", async () => {
    const login = { issuer: "site", audience: "chat" };
    const trial = { sub: "u1", name: "Alice", lastsMs: 60_000, peers: [{ sub: "s7", name: "Sam" }] };
    const token = await signTrialToken(SECRET, login, trial, clock);
    const read = await accepted(bySecret(login).verify(token));
    expect(read).toMatchObject({ name: "Alice", expiresAt: clock.now() + 60_000 });
    expect(read.peers).toMatchObject([{ user: expect.stringMatching(/^h_/), name: "Sam" }]);
  });
});

describe("tokens signed by a key of the set", () => {
  test.each(["RS256", "ES256", "EdDSA"])("[HT1] are taken with %s", async (algorithm) => {
    using site = new Site();
    const key = await site.addKey(algorithm, "k1");
    expect(await outcome(site.tokens(), await sign(claims, key))).toBe("ok");
  });

  test("[HT1] are refused with other algorithms, also when a public key is used as a secret", async () => {
    using site = new Site();
    const tokens = site.tokens();
    await site.addKey("ES256", "k1");
    const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
    site.keys.push({ ...(await exportJWK(publicKey)), kid: "k2" });
    const asSecret = bytes(await exportSPKI(publicKey));
    const strange = await generateKeyPair("RS256");
    const forged = [
      await sign(claims, { algorithm: "HS256", key: asSecret, kid: "k2" }),
      await sign(claims, { algorithm: "RS256", key: strange.privateKey, kid: "k2" }),
      await sign(claims, { algorithm: "RS256", key: privateKey, kid: "k1" }),
      await sign(claims, { algorithm: "RS256", key: privateKey, kid: "k3" }),
      unsignedToken({ alg: "none", kid: "k2" }, claims),
      await signHs(claims),
    ];
    for (const token of forged) expect(await outcome(tokens, token)).toBe("invalid");
    expect(site.faults).toEqual([]);
  });

  test("[HT8] a key that appears later is found, one that went is refused, without a restart", async () => {
    using site = new Site();
    const tokens = site.tokens({ cooldownMs: 0 });
    const old = await site.addKey("ES256", "old");
    expect(await outcome(tokens, await sign(claims, old))).toBe("ok");
    site.keys = [];
    const fresh = await site.addKey("ES256", "fresh");
    expect(await outcome(tokens, await sign(claims, fresh))).toBe("ok");
    expect(await outcome(tokens, await sign(claims, old))).toBe("invalid");
  });

  test("[HT8] keys that nobody knows do not make us ask the site again and again", async () => {
    using site = new Site();
    const tokens = site.tokens();
    const key = await site.addKey("ES256", "k1");
    const unknown = await sign(claims, { ...key, kid: "k2" });
    for (let count = 0; count < 10; count += 1) expect(await outcome(tokens, unknown)).toBe("invalid");
    expect(site.fetches).toBe(1);
  });

  test("[HT8] a set that cannot be had is tried again after a rest, and told once", async () => {
    using site = new Site();
    const tokens = site.tokens();
    const key = await site.addKey("ES256", "k1");
    const token = await sign(claims, key);
    const healthy = site.answer;
    const broken = [
      () => new Response("", { status: 500 }),
      () => new Response("<html>"),
      () => Response.json({ keys: "none" }),
      () => Response.redirect("http://127.0.0.1:1/", 302),
    ];
    for (const answer of broken) {
      site.answer = answer;
      const fetchesBefore = site.fetches;
      for (let count = 0; count < 5; count += 1) expect(await outcome(tokens, token)).toBe("unavailable");
      expect(site.fetches).toBe(fetchesBefore + 1);
      site.clock.advance(TIMES.restMs);
    }
    expect(site.faults).toHaveLength(broken.length);
    site.answer = healthy;
    expect(await outcome(tokens, token)).toBe("ok");
  });

  test("[HT8] a known key goes on being taken while the site does not answer, whatever strangers send", async () => {
    using site = new Site();
    const tokens = site.tokens({ cooldownMs: 0 });
    const key = await site.addKey("ES256", "k1");
    expect(await outcome(tokens, await sign(claims, key))).toBe("ok");
    site.answer = () => new Response("", { status: 500 });
    expect(await outcome(tokens, await sign(claims, { ...key, kid: "k2" }))).toBe("unavailable");
    expect(await outcome(tokens, await sign(claims, key))).toBe("ok");
    expect(await outcome(tokens, await sign(claims, { ...key, kid: "k2" }))).toBe("unavailable");
    expect([site.fetches, site.faults.length]).toEqual([2, 1]);
  });

  test("[HT8] a set of MAX_JWKS_BYTES is read, a longer one is not, announced or not, compressed or not", async () => {
    using site = new Site();
    const token = await sign(claims, await site.addKey("ES256", "k1"));
    const setOf = (bytes: number): string => {
      const empty = JSON.stringify({ keys: site.keys, padding: "" });
      return empty.replace('""', `"${"x".repeat(bytes - empty.length)}"`);
    };
    const streamed = (text: string): ReadableStream => new Response(text).body as ReadableStream;
    const gzipped = (text: string): Response =>
      new Response(Bun.gzipSync(text), { headers: { "content-encoding": "gzip" } });
    for (const answer of [
      (text: string) => new Response(text),
      (text: string) => new Response(streamed(text)),
      gzipped,
    ]) {
      site.answer = () => answer(setOf(MAX_JWKS_BYTES));
      expect(await outcome(site.tokens(), token)).toBe("ok");
      site.answer = () => answer(setOf(MAX_JWKS_BYTES + 1));
      expect(await outcome(site.tokens(), token)).toBe("unavailable");
    }
    expect(site.faults.map(String)).toEqual([
      expect.stringContaining("longer than"),
      expect.stringContaining("longer than"),
      expect.stringContaining("longer than"),
    ]);
  });

  test("[HT8] a set without end is given up after MAX_JWKS_BYTES, and the transfer ends", async () => {
    using site = new Site();
    const token = await sign(claims, await site.addKey("ES256", "k1"));
    const cancelled = Promise.withResolvers<void>();
    let sentBytes = 0;
    site.answer = () =>
      new Response(
        new ReadableStream({
          pull(stream) {
            sentBytes += 65_536;
            stream.enqueue(new Uint8Array(65_536));
          },
          cancel: () => cancelled.resolve(),
        }),
      );
    expect(await outcome(site.tokens(), token)).toBe("unavailable");
    await cancelled.promise;
    // What the sockets on both sides hold, besides.
    expect(sentBytes).toBeLessThan(64 * MAX_JWKS_BYTES);
  });

  test("[HT8] a redirect is not followed, also to a good set", async () => {
    using site = new Site();
    const token = await sign(claims, await site.addKey("ES256", "k1"));
    const answers = [() => Response.redirect("/elsewhere", 307), () => Response.json({ keys: site.keys })];
    site.answer = () => (answers.shift() ?? (() => new Response("")))();
    expect(await outcome(site.tokens(), token)).toBe("unavailable");
    expect(site.fetches).toBe(1);
  });

  test("[HT8] a site whose answer begins and does not end in time is given up", async () => {
    using site = new Site();
    const token = await sign(claims, await site.addKey("ES256", "k1"));
    site.answer = () =>
      new Response(new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode("{")) }));
    expect(await outcome(site.tokens({ timeoutMs: 50 }), token)).toBe("unavailable");
  });

  test("[HT8] a site that does not answer in time is given up", async () => {
    using site = new Site();
    const token = await sign(claims, await site.addKey("ES256", "k1"));
    const never = Promise.withResolvers<Response>();
    site.answer = () => never.promise;
    expect(await outcome(site.tokens({ timeoutMs: 50 }), token)).toBe("unavailable");
    never.resolve(new Response(""));
  });
});
