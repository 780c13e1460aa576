/** The one question after every crash: is the file whole, and does it hold everything that was acknowledged? */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { systemClock } from "../../../clock.ts";
import { throwFault } from "../fixture.ts";
import { findDamage } from "../invariants.ts";
import { SqliteWriter } from "../writer.ts";
import { says } from "./requests.ts";

export interface Found {
  /** Events in the one conversation. */
  readonly events: number;
  /** From opening the file to the first commit, in ms. */
  readonly backMs: number;
}

/** `acknowledged`: message ids by number, of a file with one conversation. */
export function expectWhole(path: string, acknowledged: ReadonlyMap<number, string>): Found {
  const begun = systemClock.monotonic();
  using writer = new SqliteWriter({ path, clock: systemClock, onFault: throwFault });
  const before = readEvents(path);
  const conversation = before.conversation;
  if (conversation !== undefined) {
    const [next] = writer.commit([says(conversation, "after the crash")]);
    expect(next?.outcome).toMatchObject({ ok: true, seq: before.ids.size + 1 });
  }
  const backMs = systemClock.monotonic() - begun;
  const database = new Database(path, { readonly: true });
  const damage = findDamage(database, true);
  database.close();
  expect(damage).toEqual([]);
  expect([...acknowledged].filter(([seq, id]) => before.ids.get(seq) !== id)).toEqual([]);
  return { events: before.ids.size, backMs };
}

function readEvents(path: string): { conversation: string | undefined; ids: ReadonlyMap<number, string> } {
  const database = new Database(path, { readonly: true });
  try {
    const conversation = database.query<{ id: string }, []>("SELECT id FROM conversation").get()?.id;
    const rows = database
      .query<{ seq: number; id: string }, []>("SELECT seq, client_id AS id FROM event")
      .all();
    return { conversation, ids: new Map(rows.map(({ seq, id }) => [seq, id])) };
  } finally {
    database.close();
  }
}
