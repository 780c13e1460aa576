/** How a node enters the bus: encrypted and with credentials, and what its operator is told when it cannot. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NatsServer, PostgresServer, runCommand, testCertificate } from "@duologue/testing";
import { Cluster } from "../harness/cluster.ts";
import { freshDirectory } from "../harness/directories.ts";
import { makeAccounts } from "../harness/nats-accounts.ts";
import { Peer } from "../harness/peer.ts";

setDefaultTimeout(60_000);

const TLS = 'tls { cert_file: "cert.pem", key_file: "key.pem" }';
const tlsFiles = { "cert.pem": testCertificate.certificate, "key.pem": testCertificate.key };
/** Nobody listens there: whoever gets as far has opened more than the files. */
const NOWHERE = "postgres://nobody@127.0.0.1:1/nothing";

let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await PostgresServer.start();
});

afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]();
});

function written(name: string, text: string): string {
  const path = join(freshDirectory(), name);
  writeFileSync(path, text);
  return path;
}

function serve(store: string, ...busWords: readonly string[]) {
  const where = ["--host", "127.0.0.1", "--port", "0", "--data", freshDirectory(), "--store", store];
  return runCommand(["serve", ...where, ...busWords]);
}

async function doctor(...busWords: readonly string[]): Promise<readonly string[]> {
  const store = postgres.url(await postgres.createDatabase());
  const where = ["--port", "0", "--data", freshDirectory(), "--store", store];
  const { stdout } = await runCommand(["doctor", ...where, ...busWords]);
  return stdout.split("\n");
}

test("over TLS, with a credentials file, two nodes are one cluster, and say so", async () => {
  const { server, credentials } = makeAccounts();
  const ca = written("ca.pem", testCertificate.certificate);
  const creds = written("node.creds", credentials);
  await using cluster = await Cluster.start({
    postgres,
    nats: { configuration: `${server.configuration}\n${TLS}`, files: tlsFiles },
    busWords: (url) => ["--bus", url.replace("nats:", "tls:"), "--bus-ca", ca, "--bus-credentials", creds],
  });
  const [one = "", two = ""] = cluster.urls;
  await using ann = await Peer.connect(one);
  await using ben = await Peer.connect(two);
  const { id: conversation } = await ann.open(ben.id);
  const { seq } = await ann.say(conversation, "over an encrypted bus");
  expect(await ben.next("event", (frame) => frame.conversation === conversation)).toMatchObject({ seq });
  const { stdout } = await cluster.node(0).run("status");
  expect(stdout).toMatch(/\nBus +tls:\/\/127\.0\.0\.1:\d+, connected\n/);
  expect(stdout).toMatch(/\nCluster +2 nodes, 2 users \(this one: [\w-]{12}, 1\)\n/);
  const { cluster: status, bus } = JSON.parse((await cluster.node(0).run("status", "--json")).stdout);
  expect(status).toMatchObject({ users: 2, ownUsers: 1, others: [{ users: 1 }], isCrowded: false });
  expect(bus).toMatchObject({ isConnected: true, isRefused: false, unknown: 0, broken: 0 });
  const other = JSON.parse((await cluster.node(1).run("status", "--json")).stdout);
  expect(other.cluster.others).toEqual([{ node: status.node, users: 1 }]);
  const looked = await cluster.node(0).run("doctor", "--port", "0", ...cluster.serveOptions);
  expect(looked.stdout).toMatch(/✓ bus: tls:\/\/127\.0\.0\.1:\d+ lets this machine in, and lets it speak\n/);
});

describe("a user of the bus without rights on duologue.>", () => {
  const configuration =
    'authorization { users: [ { user: "ann", password: "s3cret", permissions: { publish: "other.>", subscribe: "other.>" } } ] }';

  test("keeps the server from beginning, in one line, and the doctor says what to allow", async () => {
    await using nats = await NatsServer.start({ configuration });
    const words = ["--bus", nats.url.replace("://", "://ann:s3cret@")];
    const { exitCode, stdout, stderr } = await serve(postgres.url(await postgres.createDatabase()), ...words);
    expect([exitCode, stdout]).toEqual([1, ""]);
    const problems = stderr.split("\n").filter((line) => line.startsWith("duologue: "));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      / lets this user in, who must be allowed to publish and subscribe duologue\.>/,
    );
    expect(stderr).not.toMatch(/s3cret|node_modules|Violation/);
    const lines = await doctor(...words);
    expect(lines.filter((line) => line.startsWith("✗"))).toEqual([
      expect.stringMatching(/^✗ bus: .* → Allow the user to publish and subscribe duologue\.>/),
    ]);
  });
});

test("a bus that refuses the credentials at the start is one line, without them, and exit code 1", async () => {
  await using nats = await NatsServer.start({ configuration: 'authorization { token: "right" }' });
  const store = postgres.url(await postgres.createDatabase());
  const { exitCode, stdout, stderr } = await serve(store, "--bus", nats.url.replace("://", "://wr0ng@"));
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    /^duologue: The bus nats:\/\/127\.0\.0\.1:\d+ refuses the credentials /,
  );
  expect([exitCode, stdout, stderr.includes("wr0ng")]).toEqual([1, "", false]);
});

describe("files that the options name", () => {
  test.each([
    [
      "--bus-ca",
      "nothing of a certificate",
      /^duologue: bus-ca: expected a certificate \(PEM\), got something else in \S+$/,
    ],
    [
      "--bus-credentials",
      "s3cret",
      /^duologue: bus-credentials: expected a credentials file .*, got something else in \S+$/,
    ],
  ])(
    "%s that is not what it must be is a wrong configuration: one line, exit code 2, nothing opened",
    async (option, text, says) => {
      const { exitCode, stdout, stderr } = await serve(
        NOWHERE,
        "--bus",
        "tls://127.0.0.1:1",
        option,
        written("file", text),
      );
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr.trimEnd()).toMatch(says);
    },
  );

  test("that are not there are one too, and the doctor says so once", async () => {
    const words = ["--bus", "tls://127.0.0.1:1", "--bus-ca", join(freshDirectory(), "none.pem")];
    const { exitCode, stderr } = await serve(NOWHERE, ...words);
    expect([exitCode, stderr.trimEnd()]).toEqual([
      2,
      expect.stringMatching(
        /^duologue: bus-ca: expected a certificate \(PEM\), got \S+, which cannot be read \(ENOENT\)$/,
      ),
    ]);
    const lines = await doctor(...words);
    expect(lines.filter((line) => line.startsWith("✗"))).toEqual([
      expect.stringMatching(/^✗ configuration: bus-ca: /),
    ]);
  });
});

describe("the doctor's advice", () => {
  const adviceOf = async (...words: readonly string[]): Promise<string> => {
    const lines = await doctor(...words);
    return lines.find((line) => line.startsWith("✗ bus"))?.split(" → ")[1] ?? "";
  };

  test("follows from what stands in the way", async () => {
    await using secured = await NatsServer.start({ configuration: TLS, files: tlsFiles });
    await using guarded = await NatsServer.start({ configuration: 'authorization { token: "right" }' });
    const mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    try {
      expect(await adviceOf("--bus", "nats://127.0.0.1:1")).toMatch(/^Start it, or correct --bus;/);
      expect(await adviceOf("--bus", `nats://127.0.0.1:${mute.port}`)).toMatch(/^See that --bus names NATS/);
      expect(await adviceOf("--bus", guarded.url)).toMatch(/^Correct the user and password or token/);
      expect(await adviceOf("--bus", secured.url.replace("nats:", "tls:"))).toMatch(/^Name by --bus-ca /);
      const plain = guarded.url.replace("nats://", "tls://right@");
      expect(await adviceOf("--bus", plain)).toMatch(/without TLS there, write nats:/);
    } finally {
      mute.stop(true);
    }
  });
});
