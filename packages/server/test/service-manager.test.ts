/** What systemd is told of a server: sd_notify(3), by a socket that this test has instead of it. */
import { dlopen, ptr } from "bun:ffi";
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { killQuietly, startServer, until } from "@duologue/testing";
import { reportReady } from "../src/app/service-manager.ts";
import { freshDirectory } from "./harness/directories.ts";
import { FakeClock } from "./harness/fake-clock.ts";

setDefaultTimeout(60_000);

const [AF_UNIX, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 0x40];

/** A datagram socket; a name that begins with @ stands in no file system. */
class Manager implements Disposable {
  readonly told: string[] = [];
  readonly #library = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  readonly #socket: number;

  constructor(readonly path: string) {
    const address = Buffer.from(`\x01\x00${path.replace(/^@/, "\0")}`);
    this.#socket = this.#library.symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    expect(this.#library.symbols.bind(this.#socket, ptr(address), address.length)).toBe(0);
  }

  /** How many have come since the last look. */
  look(): number {
    const before = this.told.length;
    const buffer = Buffer.alloc(256);
    for (;;) {
      const length = Number(
        this.#library.symbols.recv(this.#socket, ptr(buffer), buffer.length, MSG_DONTWAIT),
      );
      if (length < 0) return this.told.length - before;
      this.told.push(buffer.toString("utf8", 0, length));
    }
  }

  [Symbol.dispose](): void {
    this.#library.symbols.close(this.#socket);
    this.#library.close();
  }
}

test("a server says that it is ready when it answers, gives signs of life, and none while its primary stands still", async () => {
  using manager = new Manager(join(freshDirectory(), "notify"));
  const prefix = ["env", `NOTIFY_SOCKET=${manager.path}`, "WATCHDOG_USEC=300000"];
  await using server = await startServer({ workers: 2, prefix });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  await until(() => manager.look() > 0 && manager.told.length >= 3, "signs of life");
  expect([manager.told[0], ...new Set(manager.told.slice(1))]).toEqual(["READY=1", "WATCHDOG=1"]);
  // Workers are nothing that it knows of.
  for (const pid of server.workerPids())
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toMatch(/NOTIFY_SOCKET|WATCHDOG_/);
  killQuietly(server.pid, "SIGSTOP");
  try {
    await until(() => isStopped(server.pid), "stopped");
    manager.look();
    await until(async () => (await fetch(`${server.url}/readyz`)).status === 503, "not ready");
    expect(manager.look()).toBe(0);
  } finally {
    killQuietly(server.pid, "SIGCONT");
  }
  await until(() => manager.look() > 0, "signs of life again");
});

test("by an abstract name too; and without a watchdog, or with one of another process, only that it is ready", () => {
  using manager = new Manager(`@duologue-test-${process.pid}`);
  const problems: unknown[] = [];
  const report = (environment: Record<string, string>): string[] => {
    const clock = new FakeClock();
    reportReady({
      environment: { NOTIFY_SOCKET: manager.path, ...environment },
      pid: 10,
      clock,
      log: { error: (problem: unknown) => void problems.push(problem) },
    });
    clock.advance(30_000);
    manager.look();
    return manager.told.splice(0);
  };
  expect(report({})).toEqual(["READY=1"]);
  expect(report({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "11" })).toEqual(["READY=1"]);
  const signs = ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"];
  expect(report({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "10" })).toEqual(["READY=1", ...signs]);
  expect(problems).toEqual([]);
  expect(report({ NOTIFY_SOCKET: "/nowhere/at/all" })).toEqual([]);
  expect(problems).toHaveLength(1);
  expect(report({ NOTIFY_SOCKET: "" })).toEqual([]);
});

function isStopped(pid: number): boolean {
  return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
