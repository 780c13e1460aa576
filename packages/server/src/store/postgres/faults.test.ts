/**
 * What a database can do to its node: end, hang, refuse, take too long. `DUOLOGUE_POSTGRES_CRASHES=20 npm test -- postgres/faults`
 * tries more crashes.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { elapsed, PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import type { Appended, Refused } from "../../ports/store.ts";
import { message, refused } from "../contract/fixture.ts";
import { StoreBench, writerProcesses } from "./fixture.ts";
import { inspectPostgres } from "./inspection.ts";

setDefaultTimeout(300_000);

const CRASHES = Number(process.env.DUOLOGUE_POSTGRES_CRASHES ?? 2);
const RECOVERY_MS = 5_000;

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start({ parameters: { max_connections: "20", deadlock_timeout: "100ms" } });
});
afterAll(() => server?.[Symbol.asyncDispose]());

function postgres(): PostgresServer {
  return server ?? expect.unreachable();
}

/** The server's process that serves the store's writes. */
async function writerProcess(): Promise<number> {
  const [pid] = await writerProcesses(postgres());
  return pid ?? expect.unreachable();
}

/** The same, while it waits for what somebody else holds. */
async function waitingWriter(): Promise<number | undefined> {
  const [row] = await postgres().query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'duologue writer' AND wait_event_type = 'Lock'",
  );
  return row?.pid;
}

async function damageOf(bench: StoreBench): Promise<readonly string[]> {
  return (await inspectPostgres(bench.address, systemClock)).damage;
}

/** A client that sends one message after the other, and asks again, with the same id, for as long as it must. */
class Sender {
  readonly acknowledged: { readonly id: string; readonly seq: number; readonly at: number }[] = [];
  readonly #bench: StoreBench;
  readonly #conversation: string;
  readonly #user: string;
  #isOver = false;
  readonly #run: Promise<void>;

  constructor(bench: StoreBench, conversation: string, user: string) {
    this.#bench = bench;
    this.#conversation = conversation;
    this.#user = user;
    this.#run = this.#send();
  }

  end(): Promise<void> {
    this.#isOver = true;
    return this.#run;
  }

  async #send(): Promise<void> {
    for (let index = 0; !this.#isOver; index += 1) {
      const draft = message(this.#conversation, this.#user, `text ${index}`);
      await until(async () => this.#take(draft.id, await this.#bench.append(draft)), "an answer", 60_000);
    }
  }

  #take(id: string, outcome: Appended | Refused): boolean {
    if (!outcome.ok) expect(["unavailable", "busy"]).toContain(outcome.refusal);
    else this.acknowledged.push({ id, seq: outcome.seq, at: systemClock.monotonic() });
    return outcome.ok;
  }
}

test(`nothing that was acknowledged is lost, and nothing is twice, over ${CRASHES} crashes of the server under load`, async () => {
  await using bench = await StoreBench.begin(postgres(), { outageMs: 300 });
  const places = await Promise.all(
    ["a", "b", "c", "d"].map(async (name) => {
      const users = [`u_${name}1`, `u_${name}2`] as const;
      return { id: await bench.pair(users), users };
    }),
  );
  const senders = places.flatMap(({ id, users }) => users.map((user) => new Sender(bench, id, user)));
  const count = (): number => senders.reduce((sum, sender) => sum + sender.acknowledged.length, 0);
  for (let crash = 0; crash < CRASHES; crash += 1) {
    const before = count();
    await until(() => count() > before + 200, "messages between crashes");
    await postgres().halt("immediate");
    await until(() => bench.store.keeper.health.kind === "failed", "the store notices");
    const inTheDark = count();
    await elapsed(600);
    expect(count()).toBe(inTheDark);
    await postgres().launch();
    const returnedAt = systemClock.monotonic();
    await until(() => count() > inTheDark, "messages after the crash");
    const first = Math.min(
      ...senders.flatMap(({ acknowledged }) =>
        acknowledged.map(({ at }) => at).filter((at) => at > returnedAt),
      ),
    );
    expect(first - returnedAt).toBeLessThan(RECOVERY_MS);
  }
  await Promise.all(senders.map((sender) => sender.end()));
  for (const [index, { id }] of places.entries()) {
    const { events } = await bench.store.history(id, undefined, 100_000);
    const stored = new Map(events.map((event) => [event.id, event.seq]));
    expect(stored.size).toBe(events.length);
    for (const sender of senders.slice(2 * index, 2 * index + 2))
      for (const { id: known, seq } of sender.acknowledged) expect(stored.get(known)).toBe(seq);
  }
  expect(await damageOf(bench)).toEqual([]);
  expect(bench.health.slice(0, 2)).toEqual(["failed", "well"]);
});

test("while the database is away requests wait for a time, then are refused at once, and reads are refused too", async () => {
  await using bench = await StoreBench.begin(postgres(), { outageMs: 400 });
  const conversation = await bench.pair();
  await postgres().halt("fast");
  const begunAt = systemClock.monotonic();
  const waiting = bench.append(message(conversation, "u_ann", "one"));
  expect(await waiting).toEqual(refused("unavailable"));
  expect(systemClock.monotonic() - begunAt).toBeGreaterThan(300);
  expect(bench.store.keeper.health.kind).toBe("failed");
  const laterAt = systemClock.monotonic();
  expect(await bench.append(message(conversation, "u_ann", "two"))).toEqual(refused("unavailable"));
  expect(systemClock.monotonic() - laterAt).toBeLessThan(250);
  await expect(bench.store.probe()).rejects.toThrow();
  await expect(bench.store.history(conversation, undefined, 10)).rejects.toThrow();
  await postgres().launch();
  await until(() => bench.store.keeper.health.kind === "well", "the store is well again", RECOVERY_MS);
  expect(await bench.append(message(conversation, "u_ann", "three"))).toMatchObject({ seq: 1 });
  await bench.store.probe();
});

test("a short outage costs nobody a refusal: what waits is carried out when the database is back", async () => {
  await using bench = await StoreBench.begin(postgres(), { outageMs: 20_000 });
  const conversation = await bench.pair();
  await postgres().halt("fast");
  const sent = [1, 2, 3].map((text) => bench.append(message(conversation, "u_ann", `${text}`)));
  await until(() => bench.health.at(-1) === "failed", "the store notices");
  await postgres().launch();
  expect(await Promise.all(sent)).toMatchObject([{ seq: 1 }, { seq: 2 }, { seq: 3 }]);
});

test("a server that hangs is given up in time, what it was asked for is refused, and a repeat finds out", async () => {
  await using bench = await StoreBench.begin(postgres(), { answerMs: 400, statementMs: 300, outageMs: 400 });
  const conversation = await bench.pair();
  const hanging = await writerProcess();
  process.kill(hanging, "SIGSTOP");
  const draft = message(conversation, "u_ann", "hi");
  try {
    const begunAt = systemClock.monotonic();
    await until(async () => (await bench.append(draft)).ok, "an answer");
    expect(systemClock.monotonic() - begunAt).toBeLessThan(RECOVERY_MS);
  } finally {
    process.kill(hanging, "SIGCONT");
  }
  expect(bench.health).toEqual(["failed", "well"]);
  expect(await bench.append(draft)).toMatchObject({ seq: 1, duplicate: true });
  expect(await damageOf(bench)).toEqual([]);
});

test("an idle store notices by itself that its server hangs", async () => {
  await using bench = await StoreBench.begin(postgres(), { answerMs: 300, statementMs: 200 });
  const hanging = await writerProcess();
  process.kill(hanging, "SIGSTOP");
  const looking = systemClock.every(100, () => bench.store.keeper.recover());
  try {
    await until(() => bench.health.length === 2, "it loses the connection, and finds another");
    expect(bench.health).toEqual(["failed", "well"]);
  } finally {
    looking.cancel();
    process.kill(hanging, "SIGCONT");
  }
});

test("a database that comes and goes is one outage: what is asked for meanwhile does not wait for its end", async () => {
  const patience = { answerMs: 60_000, statementMs: 60_000, lockMs: 60_000 };
  await using bench = await StoreBench.begin(postgres(), { ...patience, outageMs: 1_500 });
  const conversation = await bench.pair();
  await using stranger = await bench.stranger();
  await stranger.unsafe("BEGIN");
  await stranger.unsafe("SELECT 1 FROM person FOR UPDATE");
  let isAnswered = false;
  const answer = bench.append(message(conversation, "u_ann", "hi")).finally(() => {
    isAnswered = true;
  });
  await until(async () => {
    // As soon as it has found another connection, and waits there.
    const pid = await waitingWriter();
    if (pid !== undefined && !isAnswered) process.kill(pid, "SIGTERM");
    return isAnswered;
  }, "an answer while nothing can be done");
  expect(await answer).toEqual(refused("unavailable"));
  await stranger.unsafe("ROLLBACK");
  await until(() => bench.health.at(-1) === "well", "the store is well again", RECOVERY_MS);
  expect(await bench.append(message(conversation, "u_ann", "again"))).toMatchObject({ seq: 1 });
});
