/** When people were last there, over the ends of the server (SPEC HS5). */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeDataDirectory, type Server, startServer, until } from "@duologue/testing";
import { SqliteReader } from "../src/store/index.ts";
import { Pair, Peer } from "./harness/peer.ts";

setDefaultTimeout(60_000);

interface Scene {
  readonly server: Server;
  readonly dataDirectory: string;
  readonly pair: Pair;
  /** The server's clock, when both are there. */
  readonly since: number;
}

/** What Ann is told of Ben by the server that is started after one that ended so, with both there. */
async function seenAfter(end: (scene: Scene) => Promise<void>): Promise<{ seenAt: number; since: number }> {
  const dataDirectory = makeDataDirectory();
  try {
    await using server = await startServer({ workers: 2, dataDirectory });
    const pair = await Pair.connect(server.url);
    await pair.ben.say(pair.conversation, "hi");
    const { time: since } = await pair.ann.settled();
    await end({ server, dataDirectory, pair, since });
    await using next = await startServer({ workers: 2, dataDirectory });
    await using ann = await Peer.connect(next.url, { token: pair.ann.token });
    return { seenAt: (await ann.open(pair.ben.id)).peerSeenAt ?? 0, since };
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

test("[HS5] a server that is stopped keeps that everybody was there until then", async () => {
  const { seenAt, since } = await seenAfter(async ({ server }) => {
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
  });
  expect(seenAt).toBeGreaterThanOrEqual(since);
});

test("[HS5] after a crash, whoever was there was last there when they came", async () => {
  let kept = 0;
  const { seenAt, since } = await seenAfter(async ({ server, dataDirectory, pair }) => {
    const reader = new SqliteReader(join(dataDirectory, "duologue.db"));
    await until(async () => {
      kept = (await reader.conversation(pair.ann.id, pair.conversation))?.peerSeenAt ?? 0;
      return kept > 0;
    }, "the time of coming in the store");
    reader.close();
    await server.killPrimary();
  });
  expect(seenAt).toBe(kept);
  expect(seenAt).toBeLessThanOrEqual(since);
});

test("[HS5] after a crash, whoever had left before was last there then", async () => {
  const { seenAt, since } = await seenAfter(async ({ server, pair: { ann, ben }, since: before }) => {
    await ben.logout();
    await until(
      async () => ((await ann.open(ben.id)).peerSeenAt ?? 0) >= before,
      "the time of leaving in the summary",
    );
    await server.killPrimary();
  });
  expect(seenAt).toBeGreaterThanOrEqual(since);
});
