/** The doctor's look at a database elsewhere. */
import type { Clock } from "../clock.ts";
import { inspectPostgres, type PostgresInspection, showAddress } from "../store/index.ts";
import { explainFailure } from "./database-failure.ts";
import { type Finding, fine, type StoreFindings, worth, wrong } from "./findings.ts";

/** One node of four workers, by the rule of docs/operation.md, and some more. */
const GOOD_CONNECTIONS = 40;
/** Far beyond what machines that ask for the time are apart. */
const CLOCK_TOLERANCE_MS = 2_000;

const NOT_UNTIL_THEN = "`duologue serve` will not begin until then.";
export async function examinePostgres(
  url: string,
  ca: string | undefined,
  clock: Pick<Clock, "now" | "after">,
): Promise<StoreFindings> {
  const address = { url, ca };
  const place = `database: ${showAddress(address)}`;
  try {
    const facts = await inspectPostgres(address, clock);
    const findings = [
      fine(`${place} is PostgreSQL ${facts.postgres}`),
      ...examineSettings(facts),
      ...examineData(facts),
    ];
    return { facts: { ...facts, engine: `PostgreSQL ${facts.postgres}` }, findings };
  } catch (error) {
    const failure = await explainFailure(error, address, clock);
    const advice = failure.advice || "Put that right, or name another database by --store.";
    return {
      facts: undefined,
      findings: [wrong(`${place}: ${failure.problem}`, `${advice} ${NOT_UNTIL_THEN}`)],
    };
  }
}

function* examineSettings({
  isFlushing,
  maxConnections,
  hasTimeline,
  aheadMs,
}: PostgresInspection): Generator<Finding> {
  if (!isFlushing)
    yield wrong(
      "database: fsync is off, and a loss of power can lose everything",
      "Set fsync = on in its configuration.",
    );
  if (maxConnections < GOOD_CONNECTIONS)
    yield worth(
      `database: takes ${maxConnections} connections`,
      "Raise max_connections: nodes × (6 + 4 × workers) + 10 (docs/operation.md).",
    );
  if (!hasTimeline)
    yield worth(
      "database: does not say on which timeline it is, so a fail-over that loses the last messages is not noticed",
      "After one, stop every node and give the data a new epoch, as after a restore (docs/operation.md).",
    );
  if (Math.abs(aheadMs) > CLOCK_TOLERANCE_MS)
    yield worth(
      `clock: this machine's is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? "ahead of" : "behind"} the database's`,
      "Run NTP on every node: a message's time is that of the node it came to, and never goes back within a conversation.",
    );
}

function* examineData({
  version,
  users,
  conversations,
  events,
  damage,
}: PostgresInspection): Generator<Finding> {
  if (version === 0) {
    yield fine("messages: none yet");
    return;
  }
  for (const problem of damage)
    yield wrong(`messages: ${problem}`, "Stop every node, keep a copy (pg_dump), and restore the last one.");
  if (damage.length > 0) return;
  const held = `${events} events in ${conversations} conversations of ${users} users`;
  yield fine(`messages: ${held}; numbers, markers and cursors are right`);
}
