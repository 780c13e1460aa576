import { describe, expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { Presence } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import type { Connection } from "./connection.ts";
import { Watching } from "./watching.ts";

interface Frame {
  readonly ref?: number;
  readonly online: readonly UserId[];
  readonly offline: readonly UserId[];
}

/** A presence whose answers come when the test says so. */
function setUp(watchesPerWorker = 100) {
  const clock = new FakeClock();
  const online = new Map<UserId, boolean>();
  const asked: (readonly UserId[])[] = [];
  const ended: (readonly UserId[])[] = [];
  const answers: (() => void)[] = [];
  const presence = {
    isOnline: (id: UserId) => online.get(id),
    watch: (ids: readonly UserId[]) => {
      asked.push(ids);
      return new Promise<void>((resolve) => void answers.push(resolve));
    },
    unwatch: (ids: readonly UserId[]) => void ended.push(ids),
  } as unknown as Presence;
  const watching = new Watching(presence, clock, { ...defaultLimits, watchesPerWorker });
  const connect = (): { connection: Connection; frames: Frame[] } => {
    const frames: Frame[] = [];
    const push = (text: string): number => frames.push(JSON.parse(text) as Frame);
    return { connection: { watched: new Set<UserId>(), push } as unknown as Connection, frames };
  };
  const answer = (): void => {
    for (const resolve of answers.splice(0)) resolve();
  };
  return { clock, online, asked, ended, answer, watching, connect };
}

describe("watching", () => {
  test("[LB8] a user whom many watch is asked for once, and everybody waits for the answer", async () => {
    const { online, asked, answer, watching, connect } = setUp();
    const [one, two] = [connect(), connect()];
    let isDone = false;
    const first = watching.watch(one.connection, new Set(["ann"]));
    const second = watching.watch(two.connection, new Set(["ann"])).then(() => {
      isDone = true;
    });
    await Promise.resolve();
    expect(isDone).toBe(false);
    online.set("ann", true);
    answer();
    await Promise.all([first, second]);
    expect(asked).toEqual([["ann"]]);
    expect(JSON.parse(watching.frameFor(two.connection.watched, 7))).toEqual({
      type: "presence",
      ref: 7,
      online: ["ann"],
      offline: [],
    });
  });

  test("[LB8] changes inside lobbyShareMs share a frame, which says how they ended", async () => {
    const { clock, online, answer, watching, connect } = setUp();
    const { connection, frames } = connect();
    const begun = watching.watch(connection, new Set(["ann", "ben", "cem"]));
    answer();
    await begun;
    online.set("ann", true);
    watching.onChange(["ann", "stranger"]);
    clock.advance(defaultLimits.lobbyShareMs - 1);
    online.set("ann", false);
    online.set("ben", true);
    watching.onChange(["ann", "ben", "cem"]);
    expect(frames).toEqual([]);
    clock.advance(1);
    // Of Cem nothing is known.
    expect(frames).toEqual([{ type: "presence", online: ["ben"], offline: ["ann"] } as unknown as Frame]);
  });

  test("[LB7] those named before are watched no more, and nobody when the connection is closed", async () => {
    const { ended, answer, watching, connect } = setUp();
    const [one, two] = [connect(), connect()];
    const begun = [
      watching.watch(one.connection, new Set(["ann", "ben"])),
      watching.watch(two.connection, new Set(["ben"])),
    ];
    answer();
    await Promise.all(begun);
    await watching.watch(one.connection, new Set(["ben"]));
    expect(ended).toEqual([["ann"]]);
    watching.forget(one.connection);
    expect(ended).toEqual([["ann"]]);
    watching.forget(two.connection);
    watching.forget(two.connection);
    expect(ended).toEqual([["ann"], ["ben"]]);
    expect(watching.size).toBe(0);
  });

  test("[LB9] more than watchesPerWorker in all are refused, fewer than before never", async () => {
    const { answer, watching, connect } = setUp(3);
    const [one, two] = [connect(), connect()];
    const begun = watching.watch(one.connection, new Set(["ann", "ben"]));
    answer();
    await begun;
    expect(await watching.watch(two.connection, new Set(["ann", "ben"]))).toMatchObject({ code: "busy" });
    expect(two.connection.watched.size).toBe(0);
    expect(await watching.watch(two.connection, new Set(["ann"]))).toBeUndefined();
    expect(await watching.watch(one.connection, new Set(["ann"]))).toBeUndefined();
  });
});
