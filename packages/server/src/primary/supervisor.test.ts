import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, killQuietly, until } from "@duologue/testing";
import { freshDirectory } from "../../test/harness/directories.ts";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { createLogger } from "../log.ts";
import { launchWith, Supervisor } from "./supervisor.ts";

const SECOND_MS = 1_000;
const STATISTICS = { memoryBytes: 0, connections: 0, users: 0, messagesIn: 0, messagesOut: 0 };

/** Workers that do nothing; they are real processes. */
class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  readonly supervisor: Supervisor;
  readonly #seen = new Set<number>();

  /** The serial number that is added makes the usual command a second or two longer. */
  constructor(workers = 2, command: readonly string[] = ["sleep", "600"]) {
    const destination = { write: (line: string) => this.log.push(line) };
    this.supervisor = new Supervisor({
      clock: this.clock,
      log: createLogger({ level: "info", format: "json", name: "test", destination }),
      workers,
      launch: launchWith(command, process.env),
      drain: () => undefined,
    });
    void this.supervisor.start();
    for (let serial = 1; serial <= workers; serial += 1) this.supervisor.onReady(serial);
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

  /** Resolves when the process has ended, and the supervisor has done about it what it does at once. */
  async kill(pid: number): Promise<void> {
    killQuietly(pid);
    await until(() => !this.pids.includes(pid), `the supervisor heard of the end of ${pid}`);
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

describe("a worker that dies", () => {
  test("again and again is replaced at once three times, then after waits that double", async () => {
    await using scene = new Scene(1);
    for (const _ of "123") {
      await scene.kill(scene.pids[0] ?? 0);
      expect(scene.pids).toHaveLength(1);
    }
    for (const waitMs of [100, 200, 400]) {
      await scene.kill(scene.pids[0] ?? 0);
      scene.clock.advance(waitMs - 1);
      expect(scene.pids).toEqual([]);
      scene.clock.advance(1);
      expect(scene.pids).toHaveLength(1);
    }
  });

  test("after it has lived for five seconds is replaced at once, however often", async () => {
    await using scene = new Scene(1);
    for (const _ of "123456") {
      scene.clock.advance(5 * SECOND_MS);
      await scene.kill(scene.pids[0] ?? 0);
      expect(scene.pids).toHaveLength(1);
    }
  });
});

describe("a slot does not stay empty, nor has it two workers", () => {
  test("when the new worker of a reload dies while the old one is leaving", async () => {
    await using scene = new Scene(1);
    const [old = 0] = scene.pids;
    const reload = scene.supervisor.reload();
    const replaced = reload.next();
    const [, fresh = 0] = scene.pids;
    scene.supervisor.onReady(2);
    await scene.kill(fresh);
    const third = scene.pids.find((pid) => pid !== old);
    expect(third).toBeDefined();
    await scene.kill(old);
    expect((await replaced).value).toContain("worker 1 of 1: replaced");
    expect(scene.pids).toEqual([third as number]);
  });

  test("when a reload comes while a worker that died again and again waits for its next start", async () => {
    await using scene = new Scene(1);
    for (const _ of "1234") await scene.kill(scene.pids[0] ?? 0);
    expect(scene.pids).toEqual([]);
    const replaced = scene.supervisor.reload().next();
    scene.supervisor.onReady(5);
    expect((await replaced).done).toBe(false);
    const { pids } = scene;
    scene.clock.advance(60_000);
    expect([scene.pids, pids.length]).toEqual([pids, 1]);
  });

  test("when the program cannot be started for a while", async () => {
    const program = join(freshDirectory(), "worker");
    const write = (): void => writeFileSync(program, "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
    write();
    await using scene = new Scene(1, [program]);
    rmSync(program);
    await scene.kill(scene.pids[0] ?? 0);
    expect(scene.log.join("")).toContain("a worker could not be started");
    expect(scene.pids).toEqual([]);
    write();
    scene.clock.advance(60_000);
    expect(scene.pids.length).toBe(1);
  });
});
