import { describe, expect, test } from "bun:test";
import { isAlive, killQuietly, until } from "@duologue/testing";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { createLogger } from "../log.ts";
import { Supervisor } from "./supervisor.ts";

const SECOND_MS = 1_000;
const STATISTICS = { memoryBytes: 0, connections: 0, users: 0, messagesIn: 0, messagesOut: 0 };

/** Two workers, which do nothing; they are real processes. */
class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly supervisor: Supervisor;
  readonly #seen = new Set<number>();

  constructor() {
    const destination = { write: (line: string) => this.log.push(line) };
    this.supervisor = new Supervisor({
      clock: this.clock,
      log: createLogger({ level: "info", format: "json", name: "test", destination }),
      workers: 2,
      // The serial number that is added makes it a second or two longer.
      command: ["sleep", "600"],
      environment: process.env,
      drain: () => undefined,
    });
    void this.supervisor.start();
    for (const serial of [1, 2]) this.supervisor.onReady(serial);
  }

  get pids(): readonly number[] {
    const pids = this.supervisor.status().map(({ pid }) => pid);
    for (const pid of pids) this.#seen.add(pid);
    return pids;
  }

  /** A second, in which the workers of these serial numbers give a sign. */
  second(signs: readonly number[]): void {
    for (const serial of signs) this.supervisor.onStatistics(serial, STATISTICS);
    this.clock.advance(SECOND_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.supervisor.stop();
    for (const pid of [...this.#seen, ...this.pids]) killQuietly(pid);
    await stopped;
  }
}

describe("a worker that gives no sign", () => {
  test("is killed within 6 s of its last one, and replaced at once; the others are left alone", async () => {
    await using scene = new Scene();
    const [hung = 0, well] = scene.pids;
    for (let second = 1; second <= 5; second += 1) scene.second([2]);
    expect(scene.pids).toEqual([hung, well as number]);
    expect(scene.log.join("")).not.toContain("gives no sign");
    scene.second([2]);
    expect(scene.log.join("")).toContain("worker gives no sign; killing it");
    await until(() => !isAlive(hung), "the hung worker was killed");
    await until(() => scene.pids.length === 2 && !scene.pids.includes(hung), "it was replaced");
    expect(scene.pids[1]).toBe(well as number);
  });

  test("for 5 s and then gives one is left alone", async () => {
    await using scene = new Scene();
    const { pids } = scene;
    for (let second = 1; second <= 5; second += 1) scene.second([2]);
    for (let second = 1; second <= 5; second += 1) scene.second(second === 1 ? [1, 2] : [2]);
    expect(scene.log.join("")).not.toContain("gives no sign");
    expect(scene.pids).toEqual(pids);
    expect(pids.every(isAlive)).toBe(true);
  });
});
