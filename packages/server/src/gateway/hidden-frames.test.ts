import { describe, expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { Connection, Outlet } from "./connection.ts";
import type { Gateway } from "./context.ts";
import { cutHiddenFloods, wireBytes } from "./hidden-frames.ts";
import { TokenBucket } from "./rate.ts";

const PORT = 50_000;

/** Connections from these addresses, all from the same port, and a look at what the kernel has counted for them. */
function setUp(...addresses: readonly string[]) {
  const outlet = new Outlet(new FakeClock(), defaultLimits.outboxBytes);
  const session = { protocol: "v1", state: { name: "hello-expected" } } as const;
  const connections = addresses.map((remoteAddress, id) => {
    const connection = new Connection(id, session, "", "", new TokenBucket(1, 1), outlet, 0);
    connection.peerPort = PORT;
    const ignore = (): void => undefined;
    const sendText = (text: string): number => text.length;
    const quiet = { sendText, cork: ignore, close: ignore, terminate: ignore, getBufferedAmount: () => 0 };
    connection.socket = { remoteAddress, ...quiet };
    return connection;
  });
  const gateway = {
    connections: { open: new Set(connections) },
    limits: defaultLimits,
    log: { warn: () => undefined },
  } as unknown as Gateway;
  const look = (readBytes: number, address = "192.0.2.1"): void =>
    cutHiddenFloods(gateway, () => [{ address, port: PORT, readBytes }]);
  return { connections, look };
}

describe("[BI5] a connection that was busy", () => {
  test("is cut when it brings more and more that makes no message", () => {
    const { connections, look } = setUp("192.0.2.1");
    look(10_000_000);
    expect(connections[0]?.isClosed).toBe(false);
    look(10_000_000 + 2 * defaultLimits.frameBytes);
    expect(connections[0]?.isClosed).toBe(false);
    look(10_000_001 + 2 * defaultLimits.frameBytes);
    expect(connections[0]?.closedWith).toBe("too_fast");
  });

  test("stays while its messages account for what it brings, whatever a proxy had sent over it before", () => {
    const { connections, look } = setUp("192.0.2.1");
    const [connection] = connections as [Connection];
    const text = "你".repeat(20_000);
    let read = 5_000_000;
    for (let second = 0; second < 100; second += 1) {
      for (let count = 0; count < 50; count += 1) {
        connection.accountedBytes += wireBytes(text);
        read += Buffer.byteLength(text) + 8;
      }
      look(read);
    }
    expect(connection.isClosed).toBe(false);
  });

  test("is not mistaken for another one from the same port", () => {
    const { connections, look } = setUp("192.0.2.1", "198.51.100.7", "2001:db8::1");
    for (const bytes of [0, 1e9]) look(bytes, "::ffff:198.51.100.7");
    expect(connections.map(({ isClosed }) => isClosed)).toEqual([false, true, false]);
    for (const bytes of [0, 1e9]) look(bytes, "2001:db8:0:0:0:0:0:1");
    expect(connections.map(({ isClosed }) => isClosed)).toEqual([false, true, true]);
  });
});
