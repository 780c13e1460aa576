/** What reaches a worker in the moment in which it begins. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { defaultLimits } from "@duologue/protocol";
import { makeDataDirectory, withDeadline } from "@duologue/testing";
import { wirePrimary } from "../src/app/primary-parts.ts";
import { findPort, listen } from "../src/app/start-up.ts";
import { systemClock } from "../src/clock.ts";
import type { WorkerSettings } from "../src/link/worker-types.ts";
import { createLogger } from "../src/log.ts";
import type { PresentUser } from "../src/ports/presence.ts";
import { SqliteKeeper } from "../src/store/index.ts";
import { Peer } from "./harness/peer.ts";

setDefaultTimeout(30_000);

/** Longer than a worker that has lost its primary takes to end. */
const END_MS = 5_000;

const MAIN = join(import.meta.dir, "../src/main.ts");
const SERIAL = 7;
const there: PresentUser = { id: "u_there", name: "Was there", kind: "guest", address: "240.0.0.1:1" };
const early: PresentUser = { id: "u_early", name: "Came just then", kind: "guest", address: "240.0.0.2:2" };

function startWorker(path: string): Bun.Subprocess {
  return Bun.spawn([process.execPath, MAIN, "worker", "silent", "json", path, String(SERIAL)], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
}

test("[LB2] a change of the lobby that follows the settings at once, in the same piece, is not lost", async () => {
  const directory = makeDataDirectory();
  const log = createLogger({ level: "silent", format: "json", name: "test" });
  const path = join(directory, "duologue.sock");
  const databasePath = join(directory, "duologue.db");
  const keeper = new SqliteKeeper({
    path: databasePath,
    clock: systemClock,
    onFault: () => undefined,
    onHealth: () => undefined,
  });
  const ready = Promise.withResolvers<void>();
  const events = {
    onReady: () => ready.resolve(),
    onStatistics: () => undefined,
    onGone: (_: number, reason: string) => ready.reject(new Error(reason)),
  };
  const { hub } = wirePrimary({
    clock: systemClock,
    log,
    committer: keeper,
    classicUsers: 100,
    lobbyUsers: 100,
    events,
  });
  const port = await findPort("127.0.0.1", 0);
  const settings: WorkerSettings = {
    host: "127.0.0.1",
    port,
    workers: 1,
    store: { kind: "embedded", path: databasePath },
    tokenSecret: "a secret of this test and of no other",
    hostLogin: undefined,
    guests: true,
    embedOrigins: [],
    classic: "off",
    origins: [],
    trustedProxies: [],
    limits: defaultLimits,
    page: [],
    lobby: [there],
  };
  listen(path, (connection) => ({
    onLine: (line) => {
      if (line !== `H ${SERIAL}`) return hub.receive(SERIAL, connection, line);
      // Both wait for the end of this turn, and leave in one write.
      hub.register(SERIAL, connection, settings);
      hub.broadcast({ joined: [early], left: [there] });
    },
    onClose: (reason) => hub.gone(SERIAL, reason),
  }));
  const worker = startWorker(path);
  try {
    await ready.promise;
    await using ann = await Peer.connect(`http://127.0.0.1:${port}`);
    const { users } = await ann.next("lobby");
    expect(users?.map(({ id }) => id)).toEqual([early.id, ann.id]);
  } finally {
    worker.kill("SIGKILL");
    await worker.exited;
    keeper.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

// Its settings were awaited for ever: the end of the link was told to what had not begun yet.
test.each(["at once", "when the worker has said who it is", "after half of the settings"])(
  "a worker whose primary hangs up before it has sent the settings, %s, ends",
  async (moment) => {
    const directory = makeDataDirectory();
    const path = join(directory, "duologue.sock");
    const server = Bun.listen({
      unix: path,
      socket: {
        open(socket) {
          if (moment === "at once") socket.end();
        },
        data(socket) {
          if (moment === "after half of the settings") socket.write('s {"host":');
          socket.end();
        },
      },
    });
    const worker = startWorker(path);
    try {
      expect(await withDeadline(worker.exited, () => "the worker did not end", END_MS)).toBe(1);
    } finally {
      worker.kill("SIGKILL");
      server.stop(true);
      rmSync(directory, { recursive: true, force: true });
    }
  },
);

test("a worker that waits for its settings ends on SIGTERM", async () => {
  const directory = makeDataDirectory();
  const path = join(directory, "duologue.sock");
  const greeted = Promise.withResolvers<void>();
  const server = Bun.listen({ unix: path, socket: { data: () => greeted.resolve() } });
  const worker = startWorker(path);
  try {
    await withDeadline(greeted.promise, () => "the worker did not greet");
    worker.kill("SIGTERM");
    expect(await withDeadline(worker.exited, () => "the worker did not end", END_MS)).toBe(0);
  } finally {
    worker.kill("SIGKILL");
    server.stop(true);
    rmSync(directory, { recursive: true, force: true });
  }
});
