/** That the doctor's advice about a database that cannot be used is about the cause. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../clock.ts";
import { NoAnswerError } from "../store/index.ts";
import { judge } from "./database-failure.ts";
import { examinePostgres } from "./doctor-postgres.ts";

setDefaultTimeout(60_000);

const MAX_CONNECTIONS = 5;
/** The superuser's own. */
const RESERVED = 3;

let postgres: PostgresServer | undefined;
beforeAll(async () => {
  postgres = await PostgresServer.start({ parameters: { max_connections: String(MAX_CONNECTIONS) } });
});
afterAll(() => postgres?.[Symbol.asyncDispose]());

function database(): PostgresServer {
  return postgres ?? expect.unreachable();
}

/** What is wrong, and the advice; nothing else is said of a database that cannot be used. */
async function ask(url: string, ca?: string): Promise<{ text: string; advice: string }> {
  const { findings } = await examinePostgres(url, ca, systemClock);
  expect(findings).toHaveLength(1);
  const [finding] = findings;
  expect(finding?.grade).toBe("wrong");
  expect(finding?.advice).toEndWith("`duologue serve` will not begin until then.");
  return { text: finding?.text ?? "", advice: finding?.advice ?? "" };
}

function as(user: string, port = database().port): string {
  return `postgres://${user}@127.0.0.1:${port}/postgres`;
}

test.each(["partial", "unfinished"])("of a copy that is %s it says to run migrate again", async (state) => {
  const url = database().url(await database().createDatabase());
  const client = new Bun.SQL({ url, max: 1 });
  await client.unsafe(
    `CREATE SCHEMA duologue; CREATE TABLE duologue.meta (name text, value text);
     INSERT INTO duologue.meta VALUES ('version', '1'), ('copy', '${state}')`,
  );
  await client.close();
  const { text, advice } = await ask(url);
  expect(text).toMatch(/it holds .*copy.*`duologue migrate`/);
  expect(advice).toStartWith("Put that right");
});

test("of a database or a user that is not there it says to make it", async () => {
  expect((await ask(database().url("nothing"))).advice).toContain("createdb --owner=USER NAME");
  expect((await ask(as("nobody_here"))).advice).toContain("pg_hba.conf");
});

test("of a schema that is another's, or of something else, it says whose it must be", async () => {
  const url = new URL(database().url(await database().createDatabase()));
  const client = new Bun.SQL({ url: url.href, max: 1 });
  await client.unsafe(
    "CREATE ROLE stranger LOGIN; CREATE SCHEMA duologue; CREATE TABLE duologue.meta (other int)",
  );
  await client.close();
  expect((await ask(url.href)).advice).toContain("name another database");
  url.username = "stranger";
  expect((await ask(url.href)).advice).toContain("the owner of the database");
});

test("of a port where nobody listens, where somebody is silent or is no PostgreSQL, it says which", async () => {
  await using web = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = silent;
  try {
    expect((await ask(as("postgres", port))).advice).toContain("listens there and says nothing");
  } finally {
    silent.stop(true);
  }
  expect((await ask(as("postgres", port))).advice).toContain("runs and listens there");
  expect((await ask(as("postgres", web.port))).advice).toContain("if it is something else");
});

test("of a database without a free connection it says which number to raise", async () => {
  await database().query("CREATE ROLE plain LOGIN");
  const held: Bun.SQL[] = [];
  try {
    // Until all of its places are taken by these: those of the tests before become free a moment later.
    await until(async () => {
      const client = new Bun.SQL({ url: as("plain"), max: 1 });
      held.push(client);
      await client`SELECT 1`.catch(() => undefined);
      const rows = await database().query("SELECT 1 FROM pg_stat_activity WHERE usename = 'plain'");
      return rows.length === MAX_CONNECTIONS - RESERVED;
    }, "all connections are taken");
    expect((await ask(as("plain"))).advice).toContain("Raise max_connections");
  } finally {
    for (const client of held) await client.close();
  }
});

test("of TLS that the database does not speak it says where to switch it on, and of --store-ca that the file is wrong", async () => {
  expect((await ask(`${database().url()}?sslmode=require`)).advice).toContain("ssl = on");
  expect((await ask(database().url(), "/there/is/none.pem")).advice).toContain(
    "file that is there by --store-ca",
  );
});

test.each([
  ["a wrong password", { errno: "28P01" }, "password"],
  ["a database that starts", { errno: "57P03" }, "wait"],
  ["a certificate of somebody else", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, "--store-ca"],
  ["a certificate of another name", { code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "the host in --store"],
  ["a certificate that is none", { code: "ERR_BORINGSSL" }, "no certificate"],
  ["no answer", new NoAnswerError("it did not answer"), "pg_stat_activity"],
  ["what nobody thought of", new Error("odd"), "its log"],
])("has advice for %s", (_, error, says) => {
  expect(judge(error).advice).toContain(says);
});
