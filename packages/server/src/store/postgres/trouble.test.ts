/** What each kind of failure of the server's is taken for. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { message } from "../contract/fixture.ts";
import { DEFAULT_TIMES } from "./address.ts";
import { Connection } from "./connection.ts";
import { StoreBench } from "./fixture.ts";
import { describeTrouble, judgeTrouble, NoAnswerError, type PostgresTrouble } from "./trouble.ts";

setDefaultTimeout(60_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

function postgres(): PostgresServer {
  return server ?? expect.unreachable();
}

/** The server itself says that it failed so. */
async function failureOf(code: string): Promise<unknown> {
  const raise = `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`;
  return postgres()
    .query(raise)
    .catch((error: unknown) => error);
}

const table: Readonly<Record<PostgresTrouble, readonly string[]>> = {
  lost: ["08000", "08003", "08006", "25006", "25P03", "53300", "57P01", "57P02", "57P03", "57P05"],
  again: ["40001", "40P01"],
  locked: ["55P03"],
  known: ["23505"],
  request: ["22003", "22021", "22P02", "23502", "23503", "23514", "25P02"],
  full: ["53000", "53100", "53200", "53400"],
  slow: ["57014"],
  failed: ["28000", "42501", "42703", "42P01", "55000", "58030", "P0001", "XX000"],
};

test.each(Object.entries(table))("what is taken for: %s", async (trouble, codes) => {
  const judged = await Promise.all(codes.map(async (code) => [code, judgeTrouble(await failureOf(code))]));
  expect(judged).toEqual(codes.map((code) => [code, trouble]));
});

test("without an answer, and by what the client itself says, a connection is lost", async () => {
  expect(judgeTrouble(new NoAnswerError("nothing came"))).toBe("lost");
  const away = new Bun.SQL({ url: "postgres://postgres@127.0.0.1:1/postgres", max: 1 });
  const failure: unknown = await away.unsafe("SELECT 1").catch((error: unknown) => error);
  await away.close({ timeout: 0 });
  expect(failure).toBeInstanceOf(Bun.SQL.PostgresError);
  expect(judgeTrouble(failure)).toBe("lost");
});

test("for people it is one line, with the server's code", async () => {
  expect(describeTrouble(await failureOf("57P01"))).toBe("no (57P01)");
});

test("who stops in the middle of a transaction loses it: what others send to the same people is taken within 4 s", async () => {
  await using bench = await StoreBench.begin(postgres());
  const conversation = await bench.pair();
  const { address } = bench;
  const stopped = await Connection.open({
    address,
    clock: systemClock,
    times: DEFAULT_TIMES,
    name: "stopped",
  });
  await stopped.ask("BEGIN");
  await stopped.ask("SELECT 1 FROM person FOR NO KEY UPDATE");
  const begunAt = systemClock.monotonic();
  const draft = message(conversation, "u_ann", "hi");
  // Refused as retryable, a client asks again.
  await until(async () => (await bench.append(draft)).ok, "an answer");
  expect(systemClock.monotonic() - begunAt).toBeLessThan(4_000);
  expect(bench.health).toEqual([]);
  const failure: unknown = await stopped.ask("COMMIT").catch((error: unknown) => error);
  expect(judgeTrouble(failure)).toBe("lost");
  stopped.close();
});
