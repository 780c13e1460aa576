/** Starting, stopping, restarting, reloading: what an operator does, and what clients see of it. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeTable } from "@duologue/protocol";
import {
  type CommandOutcome,
  childrenOf,
  isAlive,
  limits,
  makeDataDirectory,
  runCommand,
  type Server,
  startServer,
  until,
} from "@duologue/testing";
import { ClassicClient } from "./harness/classic.ts";
import { Pair, Peer, textBody } from "./harness/peer.ts";

setDefaultTimeout(60_000);

async function expectNothingLeft(server: Server, workers: readonly number[]): Promise<void> {
  await until(() => ![server.pid, ...workers].some(isAlive), "every process ended", 5000);
  await expect(fetch(server.url)).rejects.toThrow();
}

/** A command that must fail with one line for people on stderr, and nothing else. */
function expectOneClearLine({ exitCode, stdout, stderr }: CommandOutcome, says: RegExp): void {
  expect(exitCode).not.toBe(0);
  expect(stdout).toBe("");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(says);
}

describe("stopping", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "[CN9] on %s every connection is closed with 1001, and everything ends with exit code 0",
    async (signal) => {
      await using server = await startServer({ workers: 3 });
      const workers = server.workerPids();
      const peers = await Promise.all(Array.from({ length: 8 }, () => Peer.connect(server.url)));
      const classic = await ClassicClient.login(server.url, "visitor");
      const silent = await Peer.open(server.url);
      server.signal(signal);
      for (const peer of [...peers, silent]) {
        expect((await peer.whenClosed()).code).toBe(closeTable.server_stopping.code);
      }
      expect(await classic.socket.whenClosed()).toBe(closeTable.server_stopping.code);
      expect(await server.exited).toBe(0);
      await expectNothingLeft(server, workers);
    },
  );

  test("what was sent right before the end is either acknowledged and kept, or neither", async () => {
    const dataDirectory = makeDataDirectory();
    try {
      const acknowledged = new Set<string>();
      let [token, conversation] = ["", ""];
      {
        await using server = await startServer({ workers: 2, dataDirectory });
        const pair = await Pair.connect(server.url);
        const { ann } = pair;
        ({ conversation } = pair);
        ({ token } = ann);
        for (let index = 0; index < 150; index += 1) {
          void ann.say(conversation, `number ${index}`).then(
            ({ id }) => acknowledged.add(id),
            () => undefined,
          );
        }
        const stopped = server.stop();
        await ann.whenClosed();
        expect(await stopped).toBe(0);
      }
      await using again = await startServer({ dataDirectory });
      await using ann = await Peer.connect(again.url, { token });
      const kept = new Map<number, string>();
      for (let before: number | undefined, more = true; more; ) {
        const page = await ann.ask(
          { type: "history", conversation, ...(before === undefined ? {} : { before }) },
          "history",
        );
        for (const { seq, id } of page.events) kept.set(seq, id);
        ({ more } = page);
        before = page.events[0]?.seq;
      }
      const ids = new Set(kept.values());
      expect(ids.size).toBe(kept.size);
      expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
      expect([...kept.keys()].sort((a, b) => a - b)).toEqual(Array.from(kept, (_, index) => index + 1));
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

describe("restarting", () => {
  test("[HL3] after a restart a token is the same person, with all conversations and a cursor that still counts", async () => {
    const dataDirectory = makeDataDirectory();
    try {
      const first = await startServer({ workers: 2, dataDirectory });
      const { ann, ben, conversation } = await Pair.connect(first.url);
      await ann.say(conversation, "before");
      const { cursor } = await ben.next("event");
      await ann.say(conversation, "while ben did not listen");
      await first.killPrimary();
      await first[Symbol.asyncDispose]();
      await using second = await startServer({ workers: 2, dataDirectory });
      await using annAgain = await Peer.connect(second.url, { token: ann.token });
      await using benAgain = await Peer.connect(second.url, { token: ben.token, cursor });
      expect(annAgain.welcome.user).toEqual(ann.welcome.user);
      expect(benAgain.welcome.user).toEqual(ben.welcome.user);
      expect(benAgain.welcome.changes?.events.map(({ seq, body }) => [seq, body])).toEqual([
        [2, textBody("while ben did not listen")],
      ]);
      expect((await benAgain.say(conversation, "after")).seq).toBe(3);
      expect(await annAgain.next("event")).toMatchObject({ seq: 3, from: ben.id });
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });

  test("[HL10] a logout outlives a restart", async () => {
    const dataDirectory = makeDataDirectory();
    try {
      const first = await startServer({ dataDirectory });
      const ann = await Peer.connect(first.url);
      await ann.logout();
      await first[Symbol.asyncDispose]();
      await using second = await startServer({ dataDirectory });
      const peer = await Peer.open(second.url);
      await expect(peer.hello({ token: ann.token })).rejects.toThrow("session_ended");
      await peer.whenClosed();
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

describe("the command line", () => {
  test("status prints a table of the workers that fits 80 columns, and JSON for programs", async () => {
    await using server = await startServer({ workers: 2 });
    await using ann = await Peer.connect(server.url);
    const { stdout, exitCode } = await server.run("status");
    expect(exitCode).toBe(0);
    for (const pid of [server.pid, ...server.workerPids()]) expect(stdout).toContain(String(pid));
    expect(stdout).toContain(String(server.port));
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const status = JSON.parse((await server.run("status", "--json")).stdout);
    expect(status.primary.pid).toBe(server.pid);
    expect(status.workers.map(({ pid }: { pid: number }) => pid).sort()).toEqual(server.workerPids().sort());
    const connections = status.workers.map((worker: { connections: number }) => worker.connections);
    expect(connections.every((count: number) => count >= 0)).toBe(true);
    expect(ann.id).not.toBe("");
  });

  test("stop ends the server and returns when it has ended", async () => {
    await using server = await startServer({ workers: 2 });
    const workers = server.workerPids();
    const peer = await Peer.connect(server.url);
    expect((await server.run("stop")).exitCode).toBe(0);
    await expectNothingLeft(server, workers);
    expect(await server.exited).toBe(0);
    expect((await peer.whenClosed()).code).toBe(closeTable.server_stopping.code);
  });

  test.each(["status", "reload", "stop"])("%s without a server says so in one line", async (command) => {
    const dataDirectory = makeDataDirectory();
    try {
      const outcome = await runCommand([command, "--data", dataDirectory]);
      expectOneClearLine(outcome, /no server is running/i);
      expect(outcome.stderr).toContain(dataDirectory);
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

describe("what cannot start", () => {
  test("a second server on the same data directory is refused, and the first goes on", async () => {
    await using server = await startServer();
    await using ann = await Peer.connect(server.url);
    const outcome = await runCommand(["serve", "--port", "0", "--data", server.dataDirectory]);
    expectOneClearLine(outcome, /already running/i);
    await ann.settled();
    expect(childrenOf(server.pid)).toHaveLength(1);
  });

  test("a port in use, also by another of our servers", async () => {
    await using server = await startServer();
    const dataDirectory = makeDataDirectory();
    try {
      const parameters = [
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        String(server.port),
        "--data",
        dataDirectory,
      ];
      expectOneClearLine(await runCommand(parameters), new RegExp(`port ${server.port}`, "i"));
      await using ann = await Peer.connect(server.url);
      await ann.settled();
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });

  test("a data directory that cannot be written", async () => {
    const directory = makeDataDirectory();
    try {
      const file = join(directory, "file");
      writeFileSync(file, "");
      const outcome = await runCommand(["serve", "--port", "0", "--data", join(file, "below")]);
      expectOneClearLine(outcome, /cannot be written/i);
      expect(existsSync(join(file, "below"))).toBe(false);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test.each([
    ["an unknown option", ["--shiny"], /--shiny/],
    ["a port out of range", ["--port", "99999"], /--port/],
    ["an unknown limit", ["--limit", "nothing=1"], /nothing/],
    ["a limit that is no number", ["--limit", "helloMs=soon"], /helloMs/],
    ["an origin that is none", ["--origins", "example.com"], /--origins/],
    ["no workers", ["--workers", "0"], /--workers/],
  ])("%s", async (_, parameters, says) => {
    const dataDirectory = makeDataDirectory();
    try {
      expectOneClearLine(await runCommand(["serve", "--data", dataDirectory, ...parameters]), says);
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  });
});

describe("reloading", () => {
  test("[CN9] every worker is replaced; who connects meanwhile is never refused, and clients resume", async () => {
    await using server = await startServer({ workers: 3, options: limits({ connectionsPerWorker: 5000 }) });
    const before = server.workerPids();
    await using pair = await Pair.connect(server.url);
    const { ann, ben, conversation } = pair;
    await ann.say(conversation, "before");
    let isOver = false;
    let welcomes = 0;
    // A refused connection rejects here; being sent away with 1001 afterwards is what a stopping worker may do.
    const knock = async (): Promise<void> => {
      while (!isOver) {
        const peer = await Peer.open(server.url);
        const outcome = await peer.hello({ token: ben.token }).catch(() => peer.whenClosed());
        if ("type" in outcome) welcomes += 1;
        else expect(outcome.code).toBe(closeTable.server_stopping.code);
        await peer.close();
      }
    };
    const knocking = Promise.allSettled([1, 2, 3, 4, 5, 6].map(knock));
    const outcome = await server.run("reload").finally(() => {
      isOver = true;
    });
    const refused = (await knocking).filter(({ status }) => status === "rejected");
    expect(refused).toEqual([]);
    expect(outcome.exitCode).toBe(0);
    expect(welcomes).toBeGreaterThan(50);
    expect((await ann.whenClosed()).code).toBe(closeTable.server_stopping.code);
    expect((await ben.whenClosed()).code).toBe(closeTable.server_stopping.code);
    const after = server.workerPids();
    expect(after).toHaveLength(3);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    await using again = await Peer.connect(server.url, { token: ann.token, cursor: ann.welcome.cursor });
    expect(again.welcome.changes?.events.map(({ seq }) => seq)).toEqual([1]);
    expect((await again.say(conversation, "after")).seq).toBe(2);
  });
});
