/** What is held by somebody else costs those whom it concerns, and nobody else. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer } from "@duologue/testing";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { systemClock } from "../../clock.ts";
import { expectOk, message, refused } from "../contract/fixture.ts";
import type { WriteRequest, WriteResult } from "../requests.ts";
import { StoreBench } from "./fixture.ts";
import { HeldPeople } from "./people-locks.ts";

setDefaultTimeout(60_000);

const LOCK_MS = 600;
const OTHERS = 50;

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

function postgres(): PostgresServer {
  return server ?? expect.unreachable();
}

/** Who holds something, of whom the one request is, and others who have nothing to do with it. */
class Scene implements AsyncDisposable {
  readonly bench: StoreBench;
  readonly concerned: string;
  readonly others: string;
  readonly #stranger: Bun.ReservedSQL & AsyncDisposable;

  private constructor(
    bench: StoreBench,
    concerned: string,
    others: string,
    stranger: Bun.ReservedSQL & AsyncDisposable,
  ) {
    this.bench = bench;
    this.concerned = concerned;
    this.others = others;
    this.#stranger = stranger;
  }

  static async begin(statement: string): Promise<Scene> {
    const bench = await StoreBench.begin(postgres(), { lockMs: LOCK_MS });
    const concerned = await bench.pair();
    const others = await bench.pair(["u_cid", "u_dot"]);
    await bench.store.startSession({ id: "s_ann", user: "u_ann", expiresAt: 1 });
    expectOk(await bench.append(message(concerned, "u_bob", "hi")));
    const stranger = await bench.stranger();
    await stranger.unsafe("BEGIN");
    await stranger.unsafe(statement);
    return new Scene(bench, concerned, others, stranger);
  }

  /** In one batch, the one between them. */
  async commit(one: WriteRequest): Promise<{ one: WriteResult | undefined; taken: number; tookMs: number }> {
    const append = (): WriteRequest => ({ op: "append", draft: message(this.others, "u_cid", "hi") });
    const requests = Array.from({ length: OTHERS }, append);
    requests.splice(OTHERS / 2, 0, one);
    const begunAt = systemClock.monotonic();
    const results = await this.bench.store.keeper.commit(requests);
    const tookMs = systemClock.monotonic() - begunAt;
    const [own] = results.slice(OTHERS / 2);
    return {
      one: own,
      taken: results.filter((result) => result !== own && result.outcome.ok).length,
      tookMs,
    };
  }

  append(): WriteRequest {
    return { op: "append", draft: message(this.concerned, "u_ann", "hi") };
  }

  async release(): Promise<void> {
    await this.#stranger.unsafe("ROLLBACK");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stranger[Symbol.asyncDispose]();
    await this.bench[Symbol.asyncDispose]();
  }
}

describe("somebody else holds something for long", () => {
  const HELD_PERSON = "SELECT 1 FROM person WHERE id = 'u_ann' FOR UPDATE";
  const cases: readonly (readonly [string, string, (scene: Scene) => WriteRequest])[] = [
    ["a person", HELD_PERSON, (scene) => scene.append()],
    [
      "a person who opens a conversation",
      HELD_PERSON,
      () => ({ op: "open", open: { by: "u_ann", with: "u_dot", ensure: [], quota: undefined } }),
    ],
    ["a person who changes their name", HELD_PERSON, () => ({ op: "rename", user: "u_ann", name: "Ann" })],
    [
      "a session",
      "SELECT 1 FROM session FOR UPDATE",
      () => ({ op: "extend-session", id: "s_ann", expiresAt: 2 }),
    ],
    [
      "a person who is just being made",
      "INSERT INTO person (id, name, kind, created_at) VALUES ('u_new', 'New', 'guest', 0)",
      () => ({ op: "create-user", user: { id: "u_new", name: "New", kind: "guest", createdAt: 0 } }),
    ],
    [
      "a conversation that is just being made",
      "INSERT INTO conversation (id, a, b, opener, created_at) VALUES ('d_new', 1, 4, 1, 0)",
      () => ({ op: "open", open: { by: "u_ann", with: "u_dot", ensure: [], quota: undefined } }),
    ],
  ];
  test.each(cases)(
    "%s: what concerns it is refused, and all else of the batch is not",
    async (...scenario) => {
      const [, statement, makeRequest] = scenario;
      await using scene = await Scene.begin(statement);
      const request = makeRequest(scene);
      const { one, taken } = await scene.commit(request);
      expect({ one: one?.outcome, taken }).toEqual({ one: refused("unavailable"), taken: OTHERS });
      await scene.release();
      expect((await scene.commit(request)).one?.outcome.ok).toBe(true);
      expect(scene.bench.health).toEqual([]);
    },
  );

  test("a person is waited for once, and then not again as long as they are held", async () => {
    await using scene = await Scene.begin(HELD_PERSON);
    expect((await scene.commit(scene.append())).tookMs).toBeGreaterThan(LOCK_MS - 50);
    for (let round = 0; round < 3; round += 1) {
      const { one, taken, tookMs } = await scene.commit(scene.append());
      expect({ one: one?.outcome, taken }).toEqual({ one: refused("unavailable"), taken: OTHERS });
      expect(tookMs).toBeLessThan(LOCK_MS);
    }
    await scene.release();
    expect((await scene.commit(scene.append())).one?.outcome.ok).toBe(true);
  });

  test("a rename is not told to a peer who is held, and succeeds", async () => {
    await using scene = await Scene.begin("SELECT 1 FROM person WHERE id = 'u_bob' FOR UPDATE");
    const since = await scene.bench.store.position("u_bob");
    const { one, taken } = await scene.commit({ op: "rename", user: "u_ann", name: "Ann" });
    expect({ one: one?.outcome, taken }).toEqual({ one: { ok: true }, taken: OTHERS });
    await scene.release();
    expect(await scene.bench.store.position("u_bob")).toBe(since);
    expect(await scene.bench.store.user("u_ann")).toMatchObject({ name: "Ann" });
  });
});

describe("a batch that takes too long", () => {
  const SLOWLY = `CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.024); RETURN NEW; END $$`;
  const SLOW = "CREATE TRIGGER slow AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION slowly()";

  function countTimeouts(): number {
    return postgres().log().split("canceling statement due to statement timeout").length - 1;
  }

  test("is tried again in smaller parts, and so are those after it until they go well", async () => {
    await using bench = await StoreBench.begin(postgres(), { statementMs: 1_200, outageMs: 20_000 });
    const conversation = await bench.pair();
    await using stranger = await bench.stranger();
    await stranger.unsafe(SLOWLY);
    await stranger.unsafe(SLOW);
    const send = async (): Promise<readonly boolean[]> => {
      const drafts = Array.from({ length: 60 }, () => message(conversation, "u_ann", "hi"));
      const results = await bench.store.keeper.commit(drafts.map((draft) => ({ op: "append", draft })));
      return results.map(({ outcome }) => outcome.ok);
    };
    expect(await send()).not.toContain(false);
    const before = countTimeouts();
    expect(before).toBeGreaterThan(0);
    expect(await send()).not.toContain(false);
    expect(countTimeouts()).toBe(before);
    expect(bench.faults).toEqual([]);
    expect(bench.health).toEqual([]);
  });

  test("is refused when its time is up", async () => {
    await using bench = await StoreBench.begin(postgres(), { statementMs: 200, outageMs: 300 });
    const conversation = await bench.pair();
    await using stranger = await bench.stranger();
    await stranger.unsafe(SLOWLY.replace("0.024", "1"));
    await stranger.unsafe(SLOW);
    const drafts = Array.from({ length: 64 }, () => message(conversation, "u_ann", "hi"));
    const begunAt = systemClock.monotonic();
    const results = await bench.store.keeper.commit(drafts.map((draft) => ({ op: "append", draft })));
    expect(systemClock.monotonic() - begunAt).toBeLessThan(3_000);
    expect(results.map(({ outcome }) => outcome)).toEqual(drafts.map(() => refused("unavailable")));
    expect(bench.health).toEqual([]);
  });
});

test("who is held is remembered for a while, and forgotten when they could be had, or are too many", () => {
  const clock = new FakeClock();
  const held = new HeldPeople(clock);
  held.learn([1, 2, 3], new Set([2]));
  expect([1, 2, 3].map((key) => held.has(key))).toEqual([true, false, true]);
  clock.advance(4_000);
  held.learn([1, 3], new Set([3]));
  expect([1, 3].map((key) => held.has(key))).toEqual([true, false]);
  clock.advance(4_000);
  expect(held.has(1)).toBe(true);
  clock.advance(1_000);
  expect(held.has(1)).toBe(false);
  const many = Array.from({ length: 10_001 }, (_, key) => key);
  held.learn(many, new Set());
  expect(many.filter((key) => held.has(key))).toEqual([]);
});
