/** The doctor's look at a database elsewhere. */
import type { Clock } from "../clock.ts";
import {
  describeTrouble,
  inspectPostgres,
  NoAnswerError,
  type PostgresInspection,
  showAddress,
  WrongDatabaseError,
} from "../store/index.ts";
import { type Finding, fine, type StoreFindings, worth, wrong } from "./findings.ts";

/** One node of four workers, by the rule of docs/operation.md, and some more. */
const GOOD_CONNECTIONS = 40;
/** Far beyond what machines that ask for the time are apart. */
const CLOCK_TOLERANCE_MS = 2_000;

const NOT_UNTIL_THEN = "`duologue serve` will not begin until then.";
const LET_IN =
  "See that the user of --store exists and may log in, and that pg_hba.conf lets it in from this machine.";
const BELIEVE =
  "Name the certificate (PEM) that its own is signed with by --store-ca, and the host in --store as its certificate does.";

/**
 * What to do about the beginning of a code: of the server's own (PostgreSQL, Appendix A), then of the client's and of TLS.
 * The first one counts.
 */
const ADVICE: readonly (readonly [code: string, advice: string])[] = [
  ["28P01", "Correct the password in --store, or give the user that one."],
  ["28", LET_IN],
  ["3D", "Correct the database's name in --store, or make it: createdb --owner=USER NAME."],
  ["42501", "Make the user of --store the owner of the database, or of the schema duologue in it."],
  [
    "42",
    "Its schema duologue is not all Duologue's own: name another database, or restore the last back-up.",
  ],
  [
    "53300",
    "Raise max_connections (docs/operation.md says to what), or end what holds them: pg_stat_activity.",
  ],
  ["53", "See to the room and the memory of its machine."],
  ["57P03", "It is starting or ending: wait, and see its log if that lasts."],
  ["57014", "See what keeps it busy or holds locks: pg_stat_activity."],
  [
    "ERR_POSTGRES_CONNECTION_REFUSED",
    "See that it runs and listens there for this machine, or correct --store.",
  ],
  [
    "ERR_POSTGRES_CONNECTION_TIMEOUT",
    "Somebody listens there and says nothing: see what it is, and whether a firewall is between.",
  ],
  [
    "ERR_POSTGRES_CONNECTION",
    "See its log, if it is PostgreSQL that ends the connection; if it is something else, correct --store.",
  ],
  [
    "ERR_POSTGRES_TLS",
    "Switch TLS on there (ssl = on), or ask for none: no --store-ca, no sslmode in --store.",
  ],
  ["ERR_POSTGRES_SASL", "It is not the server that knows this password: correct --store."],
  ["ERR_TLS_CERT", BELIEVE],
  ["ERR_BORINGSSL", "The file of --store-ca is no certificate (PEM): name the right one."],
  ["CERT_", BELIEVE],
  ["DEPTH_ZERO", BELIEVE],
  ["SELF_SIGNED", BELIEVE],
  ["UNABLE_TO", BELIEVE],
  ["ENOENT", "Name a file that is there by --store-ca."],
  ["EACCES", "Let the server's user read the file of --store-ca."],
];

export function adviceFor(error: unknown): string {
  // Its message says what must be otherwise, and for half a copy also how.
  if (error instanceof WrongDatabaseError)
    return `Put that right, or name another database by --store; ${NOT_UNTIL_THEN}`;
  if (error instanceof NoAnswerError)
    return `See what keeps it busy or holds locks: pg_stat_activity. ${NOT_UNTIL_THEN}`;
  const { errno, code } = (error ?? {}) as { readonly errno?: unknown; readonly code?: unknown };
  const name = String(typeof errno === "string" ? errno : code);
  const known = ADVICE.find(([beginning]) => name.startsWith(beginning))?.[1];
  return `${known ?? "See its log, and correct --store."} ${NOT_UNTIL_THEN}`;
}

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
    return {
      facts: undefined,
      findings: [wrong(`${place}: ${describeTrouble(error)}`, adviceFor(error))],
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
