/** SPEC.md, "Host login" (HT): the site that embeds the server says who its users are. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeTable } from "@duologue/protocol";
import { makeDataDirectory, runCommand, type Server, startServer } from "@duologue/testing";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { refused, refusedWith, SECRET, seconds, signed, someone } from "./harness/host-site.ts";
import { freshName, type Hello, Peer } from "./harness/peer.ts";
import { requestUpgrade } from "./harness/raw.ts";
import { hs256, unsignedToken } from "./harness/token.ts";

setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), "duologue-host-"));
const secretFile = join(directory, "secret");
writeFileSync(secretFile, `${SECRET}\n`, { mode: 0o600 });
afterAll(() => rmSync(directory, { recursive: true }));

function withServer(workers: number, options: readonly string[]): () => Server {
  let server: Server | undefined;
  beforeAll(async () => {
    server = await startServer({ workers, options });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return () => {
    if (server === undefined) throw new Error("the server did not start");
    return server;
  };
}

for (const workers of [1, 4]) {
  describe(`host login, ${workers} ${workers === 1 ? "worker" : "workers"}`, () => {
    const server = withServer(workers, ["--host-secret-file", secretFile, "--guests", "on"]);
    loginTests(() => server().url);
    nameTests(() => server().url);
    renewalTests(() => server().url);
    logoutTests(() => server().url);
  });
}

function loginTests(url: () => string): void {
  test("[HT1, HT3] the site's token is a login: the same person on every worker, with the same token", async () => {
    const { sub, name } = someone();
    const token = signed({ sub, name });
    const peers = await Promise.all([1, 2, 3, 4].map(() => Peer.connect(url(), { token })));
    for (const { welcome } of peers) {
      expect(welcome.user).toEqual({ id: peers[0]?.id ?? "", name, kind: "member" });
      expect(welcome.token).toBe(token);
      expect(welcome.tokenExpiresAt % 1000).toBe(0);
    }
    await using other = await Peer.connect(url(), { token: signed({ sub, name, iss: "https://a.example" }) });
    expect(other.id).not.toBe(peers[0]?.id ?? "");
    await Promise.all(peers.map((peer) => peer.close()));
  });

  test("[HT1] a token that the secret did not sign is refused, whatever it says of itself", async () => {
    const claims = { ...someone(), exp: seconds() + 600 };
    const forged = [
      signed(claims, `${SECRET}.`),
      unsignedToken({ alg: "none" }, claims),
      hs256({ alg: "HS512" }, claims, SECRET),
      hs256({ alg: "RS256" }, claims, SECRET),
      `${signed(claims).slice(0, -4)}AAAA`,
      "nonsense",
    ];
    for (const token of forged) expect(await refused(url(), { token })).toEqual(refusedWith("token_invalid"));
  });

  test("[HT2] a token past its time, not yet begun, for too long or without what is needed is refused", async () => {
    const { sub, name } = someone();
    const expired = signed({ sub, name, exp: seconds() - 60 });
    expect(await refused(url(), { token: expired })).toEqual(refusedWith("token_expired"));
    const wrong: Record<string, unknown>[] = [
      { sub, name, exp: undefined },
      { sub, name, exp: seconds() + 25 * 3600 },
      { sub, name, nbf: seconds() + 120 },
      { sub, name, iat: seconds() + 120 },
      { name },
      { sub: "", name },
      { sub: "x".repeat(256), name },
      { sub: 7, name },
      { sub },
    ];
    for (const claims of wrong) {
      expect([claims, await refused(url(), { token: signed(claims) })]).toEqual([
        claims,
        refusedWith("token_invalid"),
      ]);
    }
    const nameless = signed({ sub, name: "a\u202eb" });
    expect(await refused(url(), { token: nameless })).toEqual(refusedWith("nickname_invalid"));
  });

  test("[HT2] the clocks may differ by half a minute", async () => {
    const { sub, name } = someone();
    await using late = await Peer.connect(url(), { token: signed({ sub, name, exp: seconds() - 10 }) });
    await using early = await Peer.connect(url(), { token: signed({ sub, name, nbf: seconds() + 10 }) });
    expect(late.id).toBe(early.id);
  });

  test("[HT3] members and guests write to each other, and find each other by name", async () => {
    const { sub, name } = someone();
    await using ann = await Peer.connect(url(), { token: signed({ sub, name }) });
    await using ben = await Peer.connect(url());
    const { users } = await ben.ask({ type: "search", query: name }, "users");
    expect(users).toEqual([{ id: ann.id, name, kind: "member", online: true }]);
    const { id } = await ben.open(ann.id);
    await ben.say(id, "hello");
    expect((await ann.next("event")).from).toBe(ben.id);
  });

  test("[LB6] members stand in the lobby as such", async () => {
    const { sub, name } = someone();
    await using ann = await Peer.connect(url(), { token: signed({ sub, name }) });
    await using ben = await Peer.connect(url());
    const lobby = await ben.next("lobby");
    expect(lobby.users).toContainEqual({ id: ann.id, name, kind: "member" });
  });
}

function nameTests(url: () => string): void {
  test("[HT4] a name that the site changed is taken over at the next login and told to all", async () => {
    const { sub, name } = someone();
    await using before = await Peer.connect(url(), { token: signed({ sub, name }) });
    await using witness = await Peer.connect(url());
    const renamed = freshName("Anna");
    await using after = await Peer.connect(url(), { token: signed({ sub, name: renamed }) });
    expect(after.welcome.user).toEqual({ id: before.id, name: renamed, kind: "member" });
    await witness.seen("lobby-change", ({ joined }) =>
      joined.some((user) => user.id === before.id && user.name === renamed),
    );
  });

  test("[HT4] rename is refused, and a nickname beside the token is not looked at", async () => {
    const { sub, name } = someone();
    await using ann = await Peer.connect(url(), { token: signed({ sub, name }), nickname: freshName() });
    expect(ann.welcome.user.name).toBe(name);
    expect((await ann.refusal({ type: "rename", nickname: freshName() })).code).toBe("nickname_fixed");
  });

  test("[HT4] members may share a name, also with a guest; a guest may not take a member's", async () => {
    await using guest = await Peer.connect(url());
    await using one = await Peer.connect(url(), { token: signed(someone({ name: guest.name })) });
    await using two = await Peer.connect(url(), { token: signed(someone({ name: guest.name })) });
    expect([one.name, two.name]).toEqual([guest.name, guest.name]);
    await using member = await Peer.connect(url(), { token: signed(someone()) });
    expect((await refused(url(), { nickname: member.name.toUpperCase() })).code).toBe("nickname_taken");
  });
}

function renewalTests(url: () => string): void {
  test("[HT5, HT6] a token that ends soon is announced; with the next one the connection goes on, without it ends", async () => {
    const { sub, name } = someone();
    // Past its end, and taken for five seconds more.
    const exp = seconds() - 25;
    const token = signed({ sub, name, exp });
    await using ann = await Peer.connect(url(), { token });
    await using careless = await Peer.connect(url(), { token });
    expect((await ann.next("token-expiring")).expiresAt).toBe(exp * 1000);
    const later = seconds() + 600;
    const next = signed({ sub, name, exp: later });
    const { user, expiresAt } = await ann.ask({ type: "token", token: next }, "token-accepted");
    expect({ user, expiresAt }).toEqual({ user: ann.welcome.user, expiresAt: later * 1000 });
    expect((await careless.whenClosed()).code).toBe(closeTable.session_expired.code);
    await ann.settled();
    expect([ann.all("token-expiring").length, careless.all("token-expiring").length]).toEqual([1, 1]);
  });

  test("[HT5] a new name in the next token is taken over", async () => {
    const { sub, name } = someone();
    await using ann = await Peer.connect(url(), { token: signed({ sub, name }) });
    await using witness = await Peer.connect(url());
    const renamed = freshName("Anna");
    const accepted = await ann.ask(
      { type: "token", token: signed({ sub, name: renamed }) },
      "token-accepted",
    );
    expect(accepted.user).toEqual({ id: ann.id, name: renamed, kind: "member" });
    await witness.seen("lobby-change", ({ joined }) => joined.some((user) => user.name === renamed));
  });

  test("[HT5] another user's token, a guest's or a forged one is refused, and the connection goes on", async () => {
    const { sub, name } = someone();
    await using ann = await Peer.connect(url(), { token: signed({ sub, name }) });
    await using guest = await Peer.connect(url());
    const strange = [signed(someone()), guest.token, signed({ sub, name }, "x".repeat(40)), "nonsense"];
    for (const token of strange) {
      expect((await ann.refusal({ type: "token", token })).code).toBe("token_invalid");
    }
    const expired = signed({ sub, name, exp: seconds() - 60 });
    expect((await ann.refusal({ type: "token", token: expired })).code).toBe("token_expired");
    expect((await guest.refusal({ type: "token", token: signed({ sub, name }) })).code).toBe("token_invalid");
    await Promise.all([ann.settled(), guest.settled()]);
  });
}

function logoutTests(url: () => string): void {
  test.each(["sid", "jti"])(
    "[HT7] logout ends the connections whose token bears the same %s",
    async (claim) => {
      const { sub, name } = someone();
      const login = (value: string, exp: number): Promise<Peer> =>
        Peer.connect(url(), { token: signed({ sub, name, [claim]: value, exp: seconds() + exp }) });
      const [here, there, elsewhere] = await Promise.all([
        login("one", 600),
        login("one", 700),
        login("two", 600),
      ]);
      await here.logout();
      expect((await there.whenClosed()).code).toBe(closeTable.logged_out.code);
      await elsewhere.settled();
      await elsewhere.close();
    },
  );

  test("[HT7] without sid and jti, logout ends the connections with the very same token, which stays good", async () => {
    const { sub, name } = someone();
    const token = signed({ sub, name });
    await using here = await Peer.connect(url(), { token });
    await using there = await Peer.connect(url(), { token });
    await using elsewhere = await Peer.connect(url(), { token: signed({ sub, name, exp: seconds() + 700 }) });
    await here.logout();
    expect((await there.whenClosed()).code).toBe(closeTable.logged_out.code);
    await elsewhere.settled();
    await using again = await Peer.connect(url(), { token });
    expect(again.id).toBe(elsewhere.id);
  });
}

describe("a server that takes no guests", () => {
  const options = ["--host-secret-file", secretFile, "--host-issuer", "https://site.example"];
  options.push("--host-audience", "chat", "--embed-origins", "https://site.example");
  const server = withServer(1, options);
  const site = { iss: "https://site.example", aud: ["chat", "shop"] };

  test("[HT9] refuses a nickname and classic connections, and takes members", async () => {
    expect(await refused(server().url, { nickname: freshName() })).toEqual(refusedWith("guests_closed"));
    expect((await requestUpgrade(server().url)).status).toBe(403);
    await using ann = await Peer.connect(server().url, { token: signed(someone(site)) });
    expect(ann.welcome.user.kind).toBe("member");
  });

  test("[HT2] takes only its issuer and its audience", async () => {
    const wrong = [
      { ...site, iss: "https://other.example" },
      { ...site, aud: "shop" },
      { iss: site.iss },
      {},
    ];
    for (const claims of wrong) {
      const token = signed(someone(claims));
      expect(await refused(server().url, { token })).toEqual(refusedWith("token_invalid"));
    }
  });
});

test("[HT9] a guest of the time before host login is refused, and comes in again when guests are let in", async () => {
  const dataDirectory = makeDataDirectory();
  const start = (...options: string[]): Promise<Server> => startServer({ dataDirectory, options });
  const enter = async (server: Server, hello?: Hello): Promise<Peer> => {
    const peer = await Peer.connect(server.url, hello);
    await peer.close();
    return peer;
  };
  try {
    await using open = await start();
    const { token, id } = await enter(open);
    await open.stop();
    await using closed = await start("--host-secret-file", secretFile);
    expect(await refused(closed.url, { token })).toEqual(refusedWith("guests_closed"));
    await closed.stop();
    await using mixed = await start("--host-secret-file", secretFile, "--guests", "on");
    expect((await enter(mixed, { token })).id).toBe(id);
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});

describe("host login by JWKS", () => {
  test("[HT1] a key of the set signs, by its name; the shared secret's algorithm does not", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(publicKey)), kid: "k1" };
    using keys = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ keys: [jwk] }) });
    await using server = await startServer({
      options: ["--host-jwks", `http://127.0.0.1:${keys.port}/jwks`],
    });
    const { sub, name } = someone();
    const token = await new SignJWT({ sub, name, exp: seconds() + 600 })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(privateKey);
    await using ann = await Peer.connect(server.url, { token });
    expect(ann.welcome.user).toEqual({ id: ann.id, name, kind: "member" });
    const confused = hs256(
      { alg: "HS256", kid: "k1" },
      { sub, name, exp: seconds() + 600 },
      JSON.stringify(jwk),
    );
    expect(await refused(server.url, { token: confused })).toEqual(refusedWith("token_invalid"));
  });

  test("[HT8] a set that cannot be fetched means: come back later", async () => {
    using keys = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("", { status: 503 }),
    });
    await using server = await startServer({
      options: ["--host-jwks", `http://127.0.0.1:${keys.port}/jwks`],
    });
    const { privateKey } = await generateKeyPair("EdDSA");
    const token = await new SignJWT({ ...someone(), exp: seconds() + 600 })
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(privateKey);
    expect(await refused(server.url, { token })).toEqual({
      code: "unavailable",
      close: closeTable.unavailable.code,
    });
  });
});

describe("the secret", () => {
  test("signs as docs/embedding.md has it", async () => {
    await using server = await startServer({ options: ["--host-secret-file", secretFile] });
    const guide = readFileSync(join(import.meta.dir, "../../../docs/embedding.md"), "utf8");
    const code = /\*\*Node\*\*\n\n```js\n(.*?)```/s.exec(guide)?.[1] ?? "";
    const script = join(directory, "sign.mjs");
    writeFileSync(script, `const user = { id: 7, name: "Zoë" };\n${code}process.stdout.write(token);\n`);
    const child = Bun.spawn([process.execPath, script], { env: { DUOLOGUE_HOST_SECRET: SECRET } });
    await using zoe = await Peer.connect(server.url, { token: await new Response(child.stdout).text() });
    expect(zoe.welcome.user).toMatchObject({ name: "Zoë", kind: "member" });
  });

  test("may be changed: a reload reads its file again, and is refused when that is not there", async () => {
    const file = join(directory, "changing");
    writeFileSync(file, SECRET);
    await using server = await startServer({ options: ["--host-secret-file", file] });
    const fresh = `${SECRET}, and longer`;
    writeFileSync(file, fresh);
    expect((await server.run("reload")).exitCode).toBe(0);
    expect((await refused(server.url, { token: signed(someone()) })).code).toBe("token_invalid");
    rmSync(file);
    expect((await server.run("reload")).exitCode).toBe(1);
    await using ann = await Peer.connect(server.url, { token: signed(someone(), fresh) });
    expect(ann.welcome.user.kind).toBe("member");
  });

  test("signs tokens for trying out, and stands in no list of processes and no log", async () => {
    await using server = await startServer({
      workers: 2,
      options: ["--host-secret-file", secretFile, "--log-level", "debug"],
    });
    const made = await runCommand([
      ...["token", "--host-secret-file", secretFile, "--sub", "u1", "--name", "Alice", "--expires", "5m"],
    ]);
    expect(made).toMatchObject({ exitCode: 0, stderr: "" });
    await using alice = await Peer.connect(server.url, { token: made.stdout.trim() });
    expect(alice.welcome.user).toMatchObject({ name: "Alice", kind: "member" });
    const status = await server.run("status", "--json");
    const processes = [server.pid, ...server.workerPids()].map((pid) =>
      ["cmdline", "environ"].map((file) => readFileSync(`/proc/${pid}/${file}`, "latin1")).join(),
    );
    const seen = [status.stdout, ...processes, ...server.output.log].join("\n");
    expect([seen.includes(SECRET), seen.includes(made.stdout.trim())]).toEqual([false, false]);
  });
});
