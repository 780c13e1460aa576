/** A server whose disk fails, and one that was stopped for so long that another one took its place. */
import { dlopen, ptr } from "bun:ffi";
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import {
  isAlive,
  killQuietly,
  makeDataDirectory,
  runCommand,
  type Server,
  startServer,
  until,
} from "@duologue/testing";
import { type ErrorFrame, freshId, Pair, Peer, textBody } from "./harness/peer.ts";
import { Talker } from "./harness/traffic.ts";

setDefaultTimeout(60_000);

/** RLIMIT_FSIZE and RLIM_INFINITY of Linux (getrlimit(2)). */
const FILE_SIZE = 1;
const UNLIMITED = 2n ** 64n - 1n;

/** From now on, no write of the process goes beyond this offset of a file: as on a disk with a fault (EFBIG). */
function limitFileSize(pid: number, bytes: bigint): void {
  const { symbols, close } = dlopen("libc.so.6", {
    prlimit: { args: ["i32", "i32", "ptr", "ptr"], returns: "i32" },
  });
  const outcome = symbols.prlimit(pid, FILE_SIZE, ptr(new BigUint64Array([bytes, UNLIMITED])), null);
  close();
  if (outcome !== 0) throw new Error("the limit could not be set");
}

async function readiness(server: Server): Promise<number> {
  return (await fetch(`${server.url}/readyz`)).status;
}

/** Until several in a row say so: any worker may have answered. */
async function untilAllSay(server: Server, status: number): Promise<void> {
  await until(
    async () =>
      (await Promise.all(Array.from({ length: 8 }, () => readiness(server)))).every((one) => one === status),
    `every worker says ${status}`,
  );
}

async function expectWhole(dataDirectory: string): Promise<string> {
  const { exitCode, stdout } = await runCommand(["doctor", "--port", "0", "--data", dataDirectory]);
  expect([exitCode, stdout.split("\n").filter((line) => line.startsWith("✗"))]).toEqual([0, []]);
  return stdout;
}

test("[CV3] while the disk fails nothing is acknowledged and the server says so; when it is mended, what waited goes out once", async () => {
  await using server = await startServer({ workers: 2 });
  const talkers = [new Talker(server.url), new Talker(server.url)] as const;
  try {
    await using pair = await Pair.connect(server.url);
    await pair.ann.say(pair.conversation, "before");
    await talkers[0].meet(talkers[1]);
    for (const talker of talkers) talker.begin();
    await talkers[0].when(() => talkers[0].log.acknowledged.size > 10, "talking");
    limitFileSize(server.pid, 4096n);
    const id = freshId();
    const send = { type: "send", id, conversation: pair.conversation, body: textBody("meanwhile") } as const;
    const refusal = (await pair.ann.write(send)) as ErrorFrame;
    expect(refusal).toMatchObject({ type: "error", code: "unavailable", retryable: true });
    await untilAllSay(server, 503);
    const acknowledged = talkers.map(({ log }) => log.acknowledged.size);
    const status = await server.run("status");
    expect(status.stdout).toMatch(/NOT READY, takes no messages: disk I\/O error/);
    for (const line of status.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const doctor = await server.run("doctor", "--port", String(server.port));
    expect([doctor.exitCode, /✗ server: takes no messages/.test(doctor.stdout)]).toEqual([1, true]);
    // What is there can still be read.
    const page = await pair.ben.ask({ type: "history", conversation: pair.conversation }, "history");
    expect(page.events).toHaveLength(1);
    expect(talkers.map(({ log }) => log.acknowledged.size)).toEqual(acknowledged);
    limitFileSize(server.pid, UNLIMITED);
    await untilAllSay(server, 200);
    const ack = await pair.ann.write(send);
    expect(ack).toMatchObject({ type: "ack", id });
    for (const talker of talkers) talker.rest();
    for (const talker of talkers) await talker.when(() => talker.isSettled, "settled", 30_000);
    expect(talkers.flatMap(({ log }) => log.contradictions)).toEqual([]);
    const sent = talkers.reduce((sum, { log }) => sum + log.sent.size, 0);
    expect(await expectWhole(server.dataDirectory)).toContain(`${sent + 2} events`);
  } finally {
    for (const talker of talkers) talker[Symbol.dispose]();
  }
});

test("[CV3] a server that was stopped while another one took its place never commits again, and ends", async () => {
  const dataDirectory = makeDataDirectory();
  try {
    await using old = await startServer({ workers: 2, dataDirectory });
    await using pair = await Pair.connect(old.url);
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "from the old one");
    killQuietly(old.pid, "SIGSTOP");
    // A stopped process keeps its lock, so that a second server does not begin...
    const words = ["serve", "--host", "127.0.0.1", "--port", "0", "--data", dataDirectory];
    expect((await runCommand(words)).stderr).toMatch(/already running/);
    // ...but for an operator who knows better.
    rmSync(join(dataDirectory, "duologue.lock"));
    await using successor = await startServer({ workers: 2, dataDirectory });
    await using moved = await Peer.connect(successor.url, { token: ann.token });
    expect((await moved.say(conversation, "from the new one")).seq).toBe(2);
    const late = { type: "send", id: freshId(), conversation, body: textBody("late") } as const;
    ben.send(late);
    const workers = old.workerPids();
    killQuietly(old.pid, "SIGCONT");
    expect(
      await Promise.race([ben.next("error", (frame) => frame.id === late.id), ben.whenClosed()]),
    ).not.toHaveProperty("seq");
    await old.exited;
    await until(() => !workers.some(isAlive), "the old workers ended");
    expect(ben.all("ack").filter(({ id }) => id === late.id)).toEqual([]);
    // It took nothing of its successor's with it.
    expect((await successor.run("status")).exitCode).toBe(0);
    expect((await moved.say(conversation, "and again")).seq).toBe(3);
    expect(await expectWhole(dataDirectory)).toContain("3 events");
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});

test("[CV3] a primary that is stopped for some seconds under load and goes on loses nothing and keeps its workers", async () => {
  await using server = await startServer({ workers: 2 });
  const talkers = Array.from({ length: 6 }, () => new Talker(server.url));
  const pairs = [0, 2, 4].map((index) => [talkers[index] as Talker, talkers[index + 1] as Talker] as const);
  try {
    await Promise.all(pairs.map(([one, other]) => one.meet(other)));
    for (const talker of talkers) talker.begin();
    await Promise.all(
      talkers.map((talker) => talker.when(() => talker.log.acknowledged.size > 5, "talking")),
    );
    const workers = server.workerPids();
    killQuietly(server.pid, "SIGSTOP");
    await untilAllSay(server, 503);
    const acknowledged = talkers.map(({ log }) => log.acknowledged.size);
    killQuietly(server.pid, "SIGCONT");
    await untilAllSay(server, 200);
    await Promise.all(
      talkers.map((talker, index) =>
        talker.when(
          () => talker.log.acknowledged.size > (acknowledged[index] ?? 0) + 5,
          "talking again",
          30_000,
        ),
      ),
    );
    for (const talker of talkers) talker.rest();
    await Promise.all(talkers.map((talker) => talker.when(() => talker.isSettled, "settled", 30_000)));
    expect(server.workerPids().sort()).toEqual(workers.sort());
    expect(talkers.flatMap(({ log }) => log.contradictions)).toEqual([]);
    const sent = talkers.reduce((sum, { log }) => sum + log.sent.size, 0);
    expect(await expectWhole(server.dataDirectory)).toContain(`${sent} events in 3 conversations`);
  } finally {
    killQuietly(server.pid, "SIGCONT");
    for (const talker of talkers) talker[Symbol.dispose]();
  }
});
