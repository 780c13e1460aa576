import { expect, test } from "bun:test";
import { FakeClock } from "../../../test/harness/fake-clock.ts";
import { systemClock } from "../../clock.ts";
import { Attempts } from "./attempts.ts";

class Bench {
  readonly clock = new FakeClock();
  /** When they began, in milliseconds since the start. */
  readonly begunAt: number[] = [];
  readonly failures: unknown[] = [];
  readonly taken: string[] = [];
  readonly discarded: string[] = [];
  readonly #running: PromiseWithResolvers<string>[] = [];
  readonly #startedAt = this.clock.monotonic();
  readonly attempts: Attempts<string>;

  constructor() {
    this.attempts = new Attempts({
      clock: this.clock,
      attempt: () => {
        const attempt = Promise.withResolvers<string>();
        this.#running.push(attempt);
        this.begunAt.push(this.clock.monotonic() - this.#startedAt);
        return attempt.promise;
      },
      onFailure: (error) => this.failures.push(error),
      onSuccess: (made) => this.taken.push(made),
      discard: (made) => this.discarded.push(made),
    });
  }

  succeed(index: number): Promise<void> {
    this.#running[index]?.resolve(`attempt ${index}`);
    return passed();
  }

  fail(index: number): Promise<void> {
    this.#running[index]?.reject(`failure ${index}`);
    return passed();
  }
}

/** What waits for promises has gone on. */
function passed(): Promise<void> {
  return new Promise((resolve) => systemClock.endOfTurn(resolve));
}

test("the first attempt begins at once, the next ones after pauses that grow to a second, until something was of use", async () => {
  const bench = new Bench();
  const pausesMs: number[] = [];
  const next = (): void => {
    const [count, since] = [bench.begunAt.length, bench.clock.monotonic()];
    while (bench.begunAt.length === count) bench.clock.advance(10);
    pausesMs.push(bench.clock.monotonic() - since);
  };
  bench.attempts.begin();
  bench.clock.advance(0);
  for (let index = 0; index < 6; index += 1) {
    await bench.fail(index);
    next();
  }
  expect(pausesMs).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  expect(bench.failures).toHaveLength(6);
  await bench.succeed(6);
  expect(bench.taken).toEqual(["attempt 6"]);
  bench.clock.advance(10_000);
  expect(bench.begunAt).toHaveLength(7);
  bench.attempts.begin();
  next();
  bench.attempts.reset();
  await bench.succeed(7);
  bench.attempts.begin();
  bench.clock.advance(0);
  expect(bench.begunAt).toHaveLength(9);
  expect(pausesMs.at(-1)).toBe(1_000);
});

test("beside attempts that take long another one begins each second, and the first that succeeds is taken", async () => {
  const bench = new Bench();
  bench.attempts.begin();
  bench.clock.advance(10_000);
  expect(bench.begunAt).toEqual([0, 1_000, 2_000, 3_000]);
  // One of the four has ended: in the next second there is room for another.
  await bench.fail(1);
  bench.clock.advance(1_000);
  expect(bench.begunAt).toHaveLength(5);
  await bench.succeed(2);
  await bench.succeed(0);
  await bench.fail(3);
  expect([bench.taken, bench.discarded, bench.failures]).toEqual([
    ["attempt 2"],
    ["attempt 0"],
    ["failure 1"],
  ]);
  bench.clock.advance(10_000);
  expect(bench.begunAt).toHaveLength(5);
});

test("a failure brings the next attempt nearer, and never puts it off", async () => {
  const bench = new Bench();
  bench.attempts.begin();
  bench.clock.advance(1_000);
  expect(bench.begunAt).toEqual([0, 1_000]);
  await bench.fail(0);
  bench.clock.advance(100);
  expect(bench.begunAt).toEqual([0, 1_000, 1_100]);
  bench.clock.advance(950);
  await bench.fail(1);
  bench.clock.advance(50);
  expect(bench.begunAt).toEqual([0, 1_000, 1_100, 2_100]);
});

test("once nobody wants one any more, none begins, and what still comes is discarded", async () => {
  const bench = new Bench();
  bench.attempts.begin();
  bench.clock.advance(1_500);
  bench.attempts.end();
  await bench.succeed(0);
  await bench.fail(1);
  bench.clock.advance(10_000);
  expect([bench.begunAt.length, bench.taken, bench.discarded, bench.failures]).toEqual([
    2,
    [],
    ["attempt 0"],
    [],
  ]);
});
