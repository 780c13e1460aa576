/** A transaction like that of a batch, which leaves nothing behind: where it goes well, so should the next batch. */
import { sendConversations, sendPositions } from "./batch-state.ts";
import type { Connection } from "./connection.ts";
import { sendEvents } from "./event-buffer.ts";

/** As much as a usual batch; not of one letter, which would be stored in almost no room. Each connection has its own row. */
const FILL = `INSERT INTO meta (name, value)
  SELECT 'probe ' || pg_backend_pid(), string_agg(md5(number::text), '') FROM generate_series(1, 4096) AS number
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const CLEAR = "DELETE FROM meta WHERE name = 'probe ' || pg_backend_pid()";

/** Rejects with what it fails of; then the transaction may still be open. */
export async function rehearse(connection: Connection): Promise<void> {
  await connection.settle([
    connection.send("BEGIN"),
    // Of no rows: whether the tables and the rights are there is seen all the same.
    sendEvents(connection, []),
    sendConversations(connection, []),
    sendPositions(connection, []),
    connection.send(FILL),
    connection.send(CLEAR),
    connection.send("COMMIT"),
  ]);
}
