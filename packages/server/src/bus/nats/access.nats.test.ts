/** How the bus is entered: users, tokens, credentials files, TLS; and what is said when it cannot be. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Inbox, NatsServer, type NatsServerOptions, testCertificate, until } from "@duologue/testing";
import { nkeys } from "@nats-io/transport-node";
import { systemClock } from "../../clock.ts";
import { createLogger } from "../../log.ts";
import type { NatsAccess } from "./connection.ts";
import { NatsLink } from "./nats-link.ts";

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

describe("a bus that does not answer", () => {
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

/** An operator, its account and a user of it, as `nsc` makes them; and a user of somebody else's account. */
function makeAccounts(): {
  readonly server: NatsServerOptions;
  readonly credentials: string;
  readonly strangers: string;
} {
  const [operator, account, other] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const operatorJwt = sign(operator, operator.getPublicKey(), "operator", {});
  const unlimited = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1 };
  const accountJwt = sign(operator, account.getPublicKey(), "account", { limits: unlimited });
  const own = { allow: ["duologue.>"] };
  const credentials = (issuer: typeof account): string => {
    const user = nkeys.createUser();
    const jwt = sign(issuer, user.getPublicKey(), "user", {
      pub: own,
      sub: own,
      subs: -1,
      data: -1,
      payload: -1,
    });
    const seed = new TextDecoder().decode(user.getSeed());
    return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  };
  const configuration = `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`;
  return { server: { configuration }, credentials: credentials(account), strangers: credentials(other) };
}

function sign(
  issuer: ReturnType<typeof nkeys.createUser>,
  subject: string,
  type: string,
  claims: object,
): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const payload = {
    jti: systemClock.randomId(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    sub: subject,
    name: type,
    nats: { ...claims, type, version: 2 },
  };
  const text = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(payload)}`;
  return `${text}.${Buffer.from(issuer.sign(new TextEncoder().encode(text))).toString("base64url")}`;
}
