/**
 * The locks of people's rows: whoever changes what moves somebody's position holds theirs. One that another node holds for
 * long must cost only those whom it concerns, so a batch waits for it once, and not again as long as it is held.
 */
import type { Clock } from "../../clock.ts";
import type { Position, UserId } from "../../ports/store.ts";
import { numberArray } from "./arrays.ts";
import type { Answer, Connection } from "./connection.ts";

// In the order of keys: so two nodes never wait for each other.
const LOCK = `SELECT key::float8, id, name, position::float8 FROM person
  WHERE key = ANY($1::bigint[]) ORDER BY key FOR NO KEY UPDATE`;

export interface LockedPerson {
  readonly key: number;
  readonly id: UserId;
  readonly name: string;
  readonly position: Position;
}

export interface LockMode {
  /** Wait for what another node holds; otherwise do without at once, or nearly so. */
  readonly isPatient: boolean;
  readonly held: HeldPeople;
}

/** In an impatient transaction, for what is not a person's row: a session, or somebody else's insert of the same. */
const IMPATIENT_MS = 100;

/** Behind BEGIN. */
export function sendImpatience(connection: Connection): Promise<Answer<unknown>> {
  return connection.send(`SET LOCAL lock_timeout = ${IMPATIENT_MS}`);
}

/** Those that are not in the answers could not be had; whoever asked says so to `mode.held`. */
export function sendLocks(
  connection: Connection,
  keys: Iterable<number>,
  { isPatient, held }: LockMode,
): Promise<Answer<LockedPerson>>[] {
  const awaited: number[] = [];
  const skipped: number[] = [];
  for (const key of keys) (isPatient && !held.has(key) ? awaited : skipped).push(key);
  return [
    ...(awaited.length === 0 ? [] : [connection.send<LockedPerson>(LOCK, [numberArray(awaited)])]),
    ...(skipped.length === 0
      ? []
      : [connection.send<LockedPerson>(`${LOCK} SKIP LOCKED`, [numberArray(skipped)])]),
  ];
}

/** Long beside a turn, and beside the patience for one that is held. */
const REMEMBERED_MS = 5_000;
/** More are not held one by one: then all are forgotten, and waited for once more. */
const MAX_REMEMBERED = 10_000;

/** People whose rows could not be had when they were asked for last. */
export class HeldPeople {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #until = new Map<number, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  has(key: number): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#until.delete(key);
    return false;
  }

  /** `asked`: all keys that were to be locked; `had`: those that were. */
  learn(asked: Iterable<number>, had: ReadonlySet<number>): void {
    for (const key of asked) {
      if (had.has(key)) this.#until.delete(key);
      else this.#until.set(key, this.#clock.monotonic() + REMEMBERED_MS);
    }
    if (this.#until.size > MAX_REMEMBERED) this.#until.clear();
  }
}
