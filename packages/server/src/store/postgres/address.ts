/** Where the database is, and how its client is opened: for the one writer of a node, and for reads. */

export interface PostgresAddress {
  /** May hold a password: never for logs, errors or people. */
  readonly url: string;
  /** Absolute path of the certificate (PEM) by which the server is believed; undefined: those of the system. */
  readonly ca: string | undefined;
  /** The schema that holds the tables. Undefined: `duologue`. */
  readonly schema?: string | undefined;
}

/** How long a node is patient. On the server's side, so that it ends what nobody waits for any more. */
export interface PostgresTimes {
  /** One statement. */
  readonly statementMs: number;
  /** Waiting for one row that another node changes. */
  readonly lockMs: number;
  /** A transaction of a node that has stopped in the middle of it: others wait for its rows. */
  readonly idleMs: number;
  /** Making a connection. */
  readonly connectMs: number;
  /** Any answer at all: more than a statement may take. Beyond it the connection is given up. */
  readonly answerMs: number;
  /** From the beginning of an outage on, requests wait for its end for this long; then they are refused. */
  readonly outageMs: number;
}

export const DEFAULT_TIMES: PostgresTimes = Object.freeze({
  statementMs: 3_000,
  lockMs: 1_500,
  idleMs: 3_000,
  connectMs: 2_000,
  answerMs: 3_500,
  outageMs: 5_000,
});

const DEFAULT_SCHEMA = "duologue";

export function schemaOf({ schema = DEFAULT_SCHEMA }: PostgresAddress): string {
  return schema;
}

export interface ClientWishes {
  readonly address: PostgresAddress;
  readonly times: PostgresTimes;
  /** As the server's list of connections shows it. */
  readonly name: string;
  readonly maxConnections: number;
  /** Few rows of large tables are asked for, by index. Not said: so it is. */
  readonly looksUp?: boolean | undefined;
}

/** Makes no connection yet. */
export function makeClient({ address, times, name, maxConnections, looksUp = true }: ClientWishes): Bun.SQL {
  return new Bun.SQL({
    url: address.url,
    max: maxConnections,
    // In seconds.
    connectionTimeout: Math.ceil(times.connectMs / 1000),
    ...(address.ca === undefined ? {} : { tls: Bun.file(address.ca) }),
    // Sent when a connection begins, so that it holds for one that was made anew, too.
    connection: {
      application_name: name,
      search_path: schemaOf(address),
      statement_timeout: times.statementMs,
      lock_timeout: times.lockMs,
      idle_in_transaction_session_timeout: times.idleMs,
      default_transaction_isolation: "read committed",
      // Its statements are short: compiling one would take longer than it runs.
      jit: "off",
      // They look up a few rows by their keys, which must not depend on how well the server has counted its tables.
      ...(looksUp ? { enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off" } : {}),
    },
  });
}

/** An address as people and logs may see it. */
export function showAddress({ url }: PostgresAddress): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
