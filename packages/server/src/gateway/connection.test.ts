import { describe, expect, test } from "bun:test";
import { closeTable, defaultLimits } from "@duologue/protocol";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { Connection, Outlet } from "./connection.ts";
import { wireBytes } from "./hidden-frames.ts";
import { TokenBucket } from "./rate.ts";

/** A connection whose socket notes what is done to it; `waiting` are the bytes that its peer has not taken. */
function setUp() {
  const clock = new FakeClock();
  const session = { protocol: "v1", state: { name: "hello-expected" } } as const;
  const connection = new Connection(
    1,
    session,
    "",
    "",
    new TokenBucket(1, 1),
    new Outlet(clock, defaultLimits.outboxBytes),
    0,
  );
  const peer = { waiting: 0, done: [] as string[] };
  connection.socket = {
    remoteAddress: "192.0.2.1",
    sendText: (text) => peer.done.push(`sent ${text}`),
    cork: (run) => run(),
    close: (code) => void peer.done.push(`closed ${code}`),
    terminate: () => void peer.done.push("cut"),
    getBufferedAmount: () => peer.waiting,
  };
  return { clock, connection, peer };
}

// Bun takes a socket that was closed out of our hands, and keeps it, and half a mebibyte that waits for a peer that does not
// read, for a quarter of a minute; a later terminate() does nothing.
describe("closing", () => {
  const { code } = closeTable.slow_consumer;

  test("a peer that reads gets the code at once, after what was sent before", () => {
    const { connection, peer } = setUp();
    connection.push("last");
    connection.close("slow_consumer");
    expect(peer.done).toEqual(["sent last", `closed ${code}`]);
  });

  test("[CN8] a peer that is behind gets the code when it has read what waits", () => {
    const { clock, connection, peer } = setUp();
    peer.waiting = 500_000;
    connection.close("slow_consumer");
    connection.push("too late");
    clock.advance(1000);
    peer.waiting = 1000;
    connection.onDrain();
    expect(peer.done).toEqual([]);
    peer.waiting = 0;
    connection.onDrain();
    expect(peer.done).toEqual([`closed ${code}`]);
  });

  test("[CN8] a peer that does not read is cut after 3 s", () => {
    const { clock, connection, peer } = setUp();
    peer.waiting = 500_000;
    connection.close("slow_consumer");
    clock.advance(2999);
    expect(peer.done).toEqual([]);
    clock.advance(1);
    expect(peer.done).toEqual(["cut"]);
  });

  test("[BI5] one that floods is cut without a word, once", () => {
    const { connection, peer } = setUp();
    connection.cut("too_fast");
    connection.cut("too_fast");
    connection.close("idle");
    expect(peer.done).toEqual(["cut"]);
    expect(connection.closedWith).toBe("too_fast");
  });
});

test("[BI5] what a message may take on the wire is never less than what it does", () => {
  for (const text of ["", "x", "é", "你", "🦀", "x".repeat(70_000), "你🦀".repeat(9000)]) {
    const bytes = Buffer.byteLength(text);
    const header = bytes < 126 ? 6 : bytes < 65_536 ? 8 : 14;
    expect(wireBytes(text)).toBeGreaterThanOrEqual(bytes + header);
    expect(wireBytes(Buffer.from(text))).toBeGreaterThanOrEqual(bytes + header);
  }
});
