/** How the bus is entered: users, tokens, credentials files, TLS; and what is said when it cannot be. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Inbox, NatsServer, type NatsServerOptions, testCertificate, until } from "@duologue/testing";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { makeAccounts } from "../../../test/harness/nats-accounts.ts";
import { systemClock } from "../../clock.ts";
import { createLogger } from "../../log.ts";
import type { NatsAccess } from "./connection.ts";
import { NatsLink } from "./nats-link.ts";
import { checkRights } from "./rights.ts";

setDefaultTimeout(30_000);

const SECRET = "s3cret/with:signs@";
const ESCAPED = encodeURIComponent(SECRET);

const lines: string[] = [];
const log = createLogger({
  level: "debug",
  format: "json",
  name: "test",
  destination: { write: (line) => lines.push(line) },
});

const openAccess = { credentials: undefined, ca: undefined };

function enter(access: Partial<NatsAccess> & Pick<NatsAccess, "urls">, waitingBytes?: number) {
  const options = { access: { ...openAccess, ...access }, realm: "test", clock: systemClock, log };
  return NatsLink.connect(waitingBytes === undefined ? options : { ...options, waitingBytes });
}

/** Two nodes that enter by this, one of which hears the other. */
async function expectHeard(access: Partial<NatsAccess> & Pick<NatsAccess, "urls">): Promise<void> {
  const [alice, bob] = [await enter(access), await enter(access)];
  const heard = new Inbox<string>("second node", (text) => text);
  bob.subscribe("u.x", (payload) => heard.push(payload));
  await bob.settle(5_000);
  alice.publish("u.x", "hello");
  expect(await heard.next()).toBe("hello");
  expect(alice.address).not.toContain("s3cret");
  alice.close();
  bob.close();
}

async function refusal(access: Partial<NatsAccess> & Pick<NatsAccess, "urls">): Promise<string> {
  const problem = await enter(access).then(
    (link) => {
      link.close();
      return "it was let in";
    },
    (error: Error) => `${error.name}: ${error.message}`,
  );
  expect(problem).not.toContain("s3cret");
  expect(problem).not.toContain("\n");
  return problem;
}

function withUser(url: string, user: string): string {
  return url.replace("://", `://${user}@`);
}

const REFUSED = /^BusError: nats:\/\/127\.0\.0\.1:\d+ refuses the credentials/;

describe("the bus is entered", () => {
  test("with user and password in the address", async () => {
    await using server = await NatsServer.start({
      configuration: `authorization { user: "ann", password: ${JSON.stringify(SECRET)} }`,
    });
    await expectHeard({ urls: [withUser(server.url, `ann:${ESCAPED}`)] });
    expect(await refusal({ urls: [withUser(server.url, `ann:${ESCAPED}x`)] })).toMatch(REFUSED);
    expect(await refusal({ urls: [server.url] })).toMatch(REFUSED);
  });

  test("with a token in the address", async () => {
    await using server = await NatsServer.start({
      configuration: `authorization { token: ${JSON.stringify(SECRET)} }`,
    });
    await expectHeard({ urls: [withUser(server.url, ESCAPED)] });
    expect(await refusal({ urls: [withUser(server.url, `${ESCAPED}x`)] })).toMatch(REFUSED);
  });

  test("with a credentials file, by a user who may use the subjects of Duologue only", async () => {
    const { server: options, credentials, strangers } = makeAccounts();
    await using server = await NatsServer.start(options);
    await expectHeard({ urls: [server.url], credentials });
    expect(await refusal({ urls: [server.url], credentials: strangers })).toMatch(REFUSED);
    expect(await refusal({ urls: [server.url], credentials: "not credentials" })).toMatch(
      /^BusError: .*credentials/,
    );
  });

  test("over TLS, believed by --bus-ca only", async () => {
    await using server = await NatsServer.start({
      configuration: 'tls { cert_file: "cert.pem", key_file: "key.pem" }',
      files: { "cert.pem": testCertificate.certificate, "key.pem": testCertificate.key },
    });
    const secure = server.url.replace("nats://", "tls://");
    await expectHeard({ urls: [secure], ca: testCertificate.certificate });
    expect(await refusal({ urls: [secure] })).toMatch(/^BusError: tls:.*certificate/);
    // The server asks for TLS, so nothing goes over the line without it.
    expect(await refusal({ urls: [server.url] })).toMatch(/^BusError: nats:.*certificate/);
  });

  test("not under a name that the server's certificate does not bear", async () => {
    await using server = await NatsServer.start({
      configuration: 'tls { cert_file: "cert.pem", key_file: "key.pem" }',
      files: { "cert.pem": testCertificate.certificate, "key.pem": testCertificate.key },
      host: "127.0.0.2",
    });
    const access = { urls: [server.url], ca: testCertificate.certificate };
    expect(await refusal(access)).toMatch(/^BusError: nats:.* does not match certificate's altnames/);
  });

  test("never without TLS where the address asks for it", async () => {
    await using server = await NatsServer.start();
    expect(await refusal({ urls: [server.url.replace("nats://", "tls://")] })).toMatch(/^BusError: .*tls/);
  });

  test("by any of several addresses; when none answers, one line says so", async () => {
    await using server = await NatsServer.start();
    const gone = await NatsServer.start();
    await gone[Symbol.asyncDispose]();
    await expectHeard({ urls: [gone.url, server.url] });
    expect(await refusal({ urls: [gone.url] })).toMatch(
      /^BusError: nats:\/\/127\.0\.0\.1:\d+ cannot be entered: connection refused/,
    );
  });
});

describe("what a user of the bus may do", () => {
  const users = (rights: string): NatsServerOptions => ({
    configuration: `authorization { users: [ { user: "ann", password: "s3cret", permissions: ${rights} } ] }`,
  });
  const check = async (server: NatsServer): Promise<string> => {
    const access = { ...openAccess, urls: [withUser(server.url, "ann:s3cret")] };
    return await checkRights(access, "test", systemClock).then(
      () => "allowed",
      (error: Error) => `${error.name}: ${error.message}`,
    );
  };

  test("is enough when it may publish and subscribe duologue.>", async () => {
    await using server = await NatsServer.start(users('{ publish: "duologue.>", subscribe: "duologue.>" }'));
    expect(await check(server)).toBe("allowed");
  });

  test.each([
    [
      "nothing of Duologue",
      '{ publish: "other.>", subscribe: "other.>" }',
      "subscribing duologue.test.probe…",
    ],
    [
      "only listen",
      '{ publish: { deny: ">" }, subscribe: "duologue.>" }',
      "publishing to duologue.test.probe…",
    ],
    ["only speak", '{ publish: "duologue.>", subscribe: { deny: ">" } }', "subscribing duologue.test.probe…"],
    ["another realm only", '{ publish: "duologue.a.>", subscribe: "duologue.a.>" }', "duologue.test.probe…"],
  ])("is found to be too little when it may do %s", async (_, rights, refused) => {
    await using server = await NatsServer.start(users(rights));
    const said = await check(server);
    expect(said).toMatch(
      /^BusError: nats:\/\/127\.0\.0\.1:\d+ lets this user in, .*duologue\.>, and is not: /,
    );
    expect(said).toContain(`${refused} is refused`);
    expect(said).not.toContain("s3cret");
    expect(said).not.toContain("\n");
  });

  test("is said once for each kind of subject when it is too little later on, without a trace of the program", async () => {
    await using server = await NatsServer.start(
      users('{ publish: ["duologue.*.nodes", "duologue.*.probe.>"], subscribe: ["duologue.*.nodes"] }'),
    );
    lines.length = 0;
    const link = await enter({ urls: [withUser(server.url, "ann:s3cret")] });
    expect(link.isRefused).toBe(false);
    for (let count = 0; count < 20; count += 1) {
      link.publish(`u.user-${count}`, "x");
      link.subscribe(`u.user-${count}`, () => undefined);
    }
    await link.settle(5_000);
    await until(() => lines.length >= 2, "both are said");
    link.publish("u.more", "x");
    await link.settle(5_000);
    const said = lines.map((line) => JSON.parse(line) as { msg: string; refusal: string });
    expect(said.map(({ refusal }) => refusal).sort()).toEqual([
      "publishing to duologue.test.u… is refused",
      "subscribing duologue.test.u… is refused",
    ]);
    expect(said[0]?.msg).toContain("duologue.>");
    expect(lines.join()).not.toMatch(/stack|node_modules|user-1/);
    expect(link.isRefused).toBe(true);
    link.close();
  });
});

describe("a bus that does not answer", () => {
  test("is given up at the fourth heartbeat: three may go unanswered, and one that is answered counts anew", async () => {
    await using server = await NatsServer.start();
    const clock = new FakeClock();
    const access = { ...openAccess, urls: [server.url] };
    const link = await NatsLink.connect({ access, realm: "test", clock, log });
    const beat = (): boolean => {
      clock.advance(1_000);
      return link.isConnected;
    };
    server.signal("SIGSTOP");
    expect([beat(), beat(), beat()]).toEqual([true, true, true]);
    server.signal("SIGCONT");
    await link.settle(60_000);
    server.signal("SIGSTOP");
    expect([beat(), beat(), beat(), beat()]).toEqual([true, true, true, false]);
    link.close();
  });

  test("is noticed within four seconds; what waits for it is bounded; it is entered again when it answers", async () => {
    await using server = await NatsServer.start();
    const link = await enter({ urls: [server.url] }, 100_000);
    const returned = new Inbox<string>("returns", (text) => text);
    link.onReturn(() => returned.push("back"));
    server.signal("SIGSTOP");
    const before = systemClock.monotonic();
    const taken = Array.from({ length: 200 }, () => link.publish("u.x", "x".repeat(1_000)));
    expect(taken.filter(Boolean).length).toBeLessThan(100);
    expect(link.dropped).toBeGreaterThan(100);
    await until(() => !link.isConnected, "the silence is noticed", 8_000);
    // 4 s, and what a busy machine adds.
    expect(systemClock.monotonic() - before).toBeLessThan(6_000);
    server.signal("SIGCONT");
    await returned.next();
    expect([link.isConnected, link.publish("u.x", "x".repeat(1_000))]).toEqual([true, true]);
    link.close();
    expect(lines.join()).not.toContain("s3cret");
  });
});
