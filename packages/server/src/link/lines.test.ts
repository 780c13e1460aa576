import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { systemClock } from "../clock.ts";
import { connectLines, LineConnection, type LineLimits, type LineReceiver, listenLines } from "./lines.ts";

const limits: LineLimits = { lineBytes: 1_000_000, queueBytes: 8_000_000 };
const cleanUp: (() => void)[] = [];

afterEach(() => {
  for (const run of cleanUp.splice(0)) run();
});

interface Inbox extends LineReceiver {
  readonly lines: string[];
  readonly closed: Promise<string>;
  /** Resolves when this many lines have come. */
  received(count: number): Promise<readonly string[]>;
}

function inbox(): Inbox {
  const lines: string[] = [];
  const closed = Promise.withResolvers<string>();
  let wake = (): void => undefined;
  return {
    lines,
    closed: closed.promise,
    onLine: (line) => {
      lines.push(line);
      wake();
    },
    onClose: (reason) => closed.resolve(reason),
    async received(count) {
      while (lines.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return lines;
    },
  };
}

async function pair(serverLimits = limits) {
  const directory = mkdtempSync(join(tmpdir(), "lines-"));
  const path = join(directory, "s");
  const accepted = Promise.withResolvers<LineConnection>();
  const serverInbox = inbox();
  const server = listenLines(path, systemClock, serverLimits, (connection) => {
    accepted.resolve(connection);
    return serverInbox;
  });
  const clientInbox = inbox();
  const client = await connectLines(path, systemClock, limits, clientInbox);
  cleanUp.push(() => {
    server.stop();
    rmSync(directory, { recursive: true });
  });
  return { client, clientInbox, server: await accepted.promise, serverInbox };
}

describe("lines over a Unix socket", () => {
  test("lines arrive whole and in order, also those larger than a socket's buffer and with characters of many bytes", async () => {
    const { client, server, serverInbox, clientInbox } = await pair();
    const sent = Array.from({ length: 300 }, (_, index) => `${index} ${"长é👋".repeat(index * 20)}`);
    for (const line of sent) client.send(line);
    for (const line of sent) server.send(line);
    expect(await serverInbox.received(sent.length)).toEqual(sent);
    expect(await clientInbox.received(sent.length)).toEqual(sent);
  });

  test("a line longer than the bound ends the connection", async () => {
    const { client, serverInbox, clientInbox } = await pair({ ...limits, lineBytes: 10_000 });
    client.send("x".repeat(500_000));
    expect(await serverInbox.closed).toContain("longer");
    await clientInbox.closed;
  });

  test("what waits for a peer that stands still is not looked at again each turn", () => {
    const clock = new FakeClock();
    const written: number[] = [];
    let [takes, taken] = [0, 0];
    const write = (bytes: Buffer): number => {
      written.push(bytes.length);
      taken += Math.min(takes, bytes.length);
      return Math.min(takes, bytes.length);
    };
    const connection = new LineConnection({ write, end: () => undefined }, clock, limits, inbox());
    for (let turn = 0; turn < 100; turn += 1) {
      connection.send("x".repeat(999));
      clock.endTurn();
    }
    expect(written).toEqual(Array.from({ length: 100 }, () => 1_000));
    // The peer reads again, a part of a turn's lines first.
    for (takes of [600, 600, 1_000]) connection.write();
    expect(taken).toBe(100_000);
  });

  test("a peer that does not read is cut off when the bound is reached, not waited for", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lines-"));
    const path = join(directory, "s");
    const accepted = Promise.withResolvers<LineConnection>();
    const serverInbox = inbox();
    const server = listenLines(path, systemClock, { lineBytes: 1_000, queueBytes: 200_000 }, (connection) => {
      accepted.resolve(connection);
      return serverInbox;
    });
    const socket = await Bun.connect({
      unix: path,
      socket: { open: (it) => void it.pause(), data: () => undefined },
    });
    cleanUp.push(() => {
      socket.end();
      server.stop();
      rmSync(directory, { recursive: true });
    });
    const connection = await accepted.promise;
    for (let index = 0; index < 5_000 && connection.isOpen; index += 1) {
      connection.send("y".repeat(900));
      if (index % 10 === 0) connection.flush();
    }
    expect(await serverInbox.closed).toContain("does not read");
  });
});
