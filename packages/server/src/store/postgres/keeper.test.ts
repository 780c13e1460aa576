/** How a node's one connection to write is lost and found again. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { message } from "../contract/fixture.ts";
import { StoreBench, writerProcesses } from "./fixture.ts";

setDefaultTimeout(60_000);

/** After so long without an answer, the keeper asks whether the database is still there. */
const LONG_QUIET_MS = 10_000;

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start({ parameters: { max_connections: "20" } });
});
afterAll(() => server?.[Symbol.asyncDispose]());

function postgres(): PostgresServer {
  return server ?? expect.unreachable();
}

test("a connection that a question and a batch lose at the same time is replaced by one", async () => {
  let aheadMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };
  await using bench = await StoreBench.begin(postgres(), { answerMs: 500, statementMs: 400 }, clock);
  const conversation = await bench.pair();
  for (let round = 1; round <= 2; round += 1) {
    const [hanging = 0, ...others] = await writerProcesses(postgres());
    expect(others).toEqual([]);
    process.kill(hanging, "SIGSTOP");
    try {
      aheadMs += LONG_QUIET_MS;
      bench.store.keeper.recover();
      expect(await bench.append(message(conversation, "u_ann", "hi"))).toMatchObject({ seq: round });
    } finally {
      process.kill(hanging, "SIGCONT");
    }
    await until(async () => !(await writerProcesses(postgres())).includes(hanging), "the old one has ended");
  }
  expect(await writerProcesses(postgres())).toHaveLength(1);
  expect(bench.health).toEqual(["failed", "well", "failed", "well"]);
});
