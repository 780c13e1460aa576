import { expect, test } from "bun:test";
import type { Timer } from "../../clock.ts";
import type { Position, UserId } from "../../ports/store.ts";
import { SHARE_MS, SharedPositions } from "./shared-positions.ts";

class FakeTime {
  readonly started: number[] = [];
  #run: (() => void)[] = [];

  after(delayMs: number, run: () => void): Timer {
    this.started.push(delayMs);
    this.#run.push(run);
    return { cancel: () => undefined };
  }

  pass(): void {
    for (const run of this.#run.splice(0)) run();
  }
}

test("questions of one moment are one read, in which each user stands once", async () => {
  const clock = new FakeTime();
  const reads: (readonly UserId[])[] = [];
  const shared = new SharedPositions({
    clock,
    read: async (users) => {
      reads.push(users);
      return new Map([["alice", 7]]);
    },
  });
  const answers = Promise.all(["alice", "bob", "alice"].map((user) => shared.position(user)));
  expect(reads).toEqual([]);
  clock.pass();
  expect(await answers).toEqual([7, 0, 7]);
  expect(reads).toEqual([["alice", "bob"]]);
  expect(clock.started).toEqual([SHARE_MS]);
});

test("a question asked while a read is under way is not answered by it", async () => {
  const clock = new FakeTime();
  const gates: PromiseWithResolvers<ReadonlyMap<UserId, Position>>[] = [];
  const shared = new SharedPositions({
    clock,
    read: () => {
      const gate = Promise.withResolvers<ReadonlyMap<UserId, Position>>();
      gates.push(gate);
      return gate.promise;
    },
  });
  const early = shared.position("alice");
  clock.pass();
  const late = shared.position("alice");
  gates[0]?.resolve(new Map([["alice", 1]]));
  expect(await early).toBe(1);
  clock.pass();
  gates[1]?.resolve(new Map([["alice", 2]]));
  expect(await late).toBe(2);
});

test("a read that fails fails for everybody who waited for it, and for nobody after", async () => {
  const clock = new FakeTime();
  let isDown = true;
  const shared = new SharedPositions({
    clock,
    read: async () => {
      if (isDown) throw new TypeError("down");
      return new Map();
    },
  });
  const both = Promise.allSettled([shared.position("alice"), shared.position("bob")]);
  clock.pass();
  expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  isDown = false;
  const later = shared.position("alice");
  clock.pass();
  expect(await later).toBe(0);
});
