import { expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { MemoryBus, type MemoryLink } from "../bus/memory-link.ts";
import { LineConnection } from "../link/lines.ts";
import { linkLimits } from "../link/socket-path.ts";
import { createLogger } from "../log.ts";
import { wirePrimary } from "./primary-parts.ts";

const WORKER = 1;
const DEATH_MS = 6_000;
const STEP_MS = 500;
const TURNS = 12;

/** A node with one worker; returns the lines that this one gets. */
function addNode(clock: FakeClock, link: MemoryLink): string[] {
  const lines: string[] = [];
  const { hub } = wirePrimary({
    clock,
    log: createLogger({ level: "silent", format: "json", name: "test" }),
    committer: { commit: () => [], maintain: () => undefined },
    classicUsers: 9,
    lobbyUsers: 9,
    events: { onReady: () => undefined, onStatistics: () => undefined, onGone: () => undefined },
    link,
  });
  const write = (bytes: Buffer): number => {
    lines.push(...bytes.toString().trimEnd().split("\n"));
    return bytes.length;
  };
  const receiver = { onLine: () => undefined, onClose: () => undefined };
  hub.register(WORKER, new LineConnection({ write, end: () => undefined }, clock, linkLimits, receiver), {});
  return lines;
}

/** With the promises that wait for each step. */
async function pass(clock: FakeClock, byMs: number): Promise<void> {
  for (let leftMs = byMs; leftMs > 0; leftMs -= STEP_MS) {
    clock.advance(STEP_MS);
    for (let turn = 0; turn < TURNS; turn += 1) {
      clock.endTurn();
      await Promise.resolve();
    }
  }
}

test("[SY5] when a node is gone the others look for what it may have committed and not told", async () => {
  const clock = new FakeClock();
  const bus = new MemoryBus({ clock });
  const [one, two, three] = ["one", "two", "three"].map((name) => bus.connect(name));
  if (one === undefined || two === undefined || three === undefined) throw new TypeError();
  const lines = [two, three].map((link) => addNode(clock, link));
  addNode(clock, one);
  const checks = (): number[] => lines.map((each) => each.filter((line) => line === "k").length);
  await pass(clock, DEATH_MS);
  expect(checks()).toEqual([0, 0]);
  bus.remove(one);
  await pass(clock, DEATH_MS);
  expect(checks()).toEqual([1, 1]);
});
