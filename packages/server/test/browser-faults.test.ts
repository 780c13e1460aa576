/** Real Chromium among the clients: what happens to tabs and browsers must not happen to messages. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { browserGuests, ChaosSite } from "./chaos/browsers.ts";
import { World } from "./chaos/world.ts";

setDefaultTimeout(180_000);

test("[CV6] tabs crash, the browser is killed, storage is full or denied, a clock is set back: nothing is lost or doubled", async () => {
  using site = await ChaosSite.build();
  await using world = await World.begin({
    workers: 2,
    conversations: 2,
    devices: 2,
    serverOptions: ["--origins", site.origin],
  });
  await using guests = await browserGuests(site.origin, world.groups, world.proxy.url);
  const { tabs } = guests;
  await Promise.all(tabs.map((tab) => tab.begin()));
  const random = new SeededRandom(1);
  const kept = (): number => tabs.reduce((sum, tab) => sum + tab.keptTexts.length, 0);
  const states = async (): Promise<unknown[]> => Promise.all(tabs.map((tab) => tab.storageState()));
  // Unsent texts that the dead left in their storage. Each time there is more to be found at the end.
  const keptAfter: Record<string, number> = {};
  for (const fault of guests.faults) {
    await fault.inflict(world, random);
    keptAfter[fault.name] = kept();
    if (fault.name === "storage full") {
      const full = { kind: "memory", reason: "full" };
      expect(await states()).toContainEqual(full);
      expect(await states()).toContainEqual({ kind: "kept", where: "indexeddb" });
      expect((await states()).at(-1)).toEqual({ kind: "memory", reason: "denied" });
    }
    world.proxy.cutAll();
    // The clients beside it go on meanwhile; a fault that stops all talk would show here.
    await Promise.all([...tabs.map((tab) => tab.talksOn()), world.talkAgain()]);
  }
  expect(Object.keys(keptAfter)).toEqual([
    "tab crashed",
    "browser killed",
    "storage full",
    "browser's clock set back",
  ]);
  // One of the tab that crashed, two more of the browser that was killed: its third tab may store nothing.
  expect(keptAfter["tab crashed"]).toBeGreaterThanOrEqual(1);
  expect(keptAfter["browser killed"]).toBeGreaterThanOrEqual(3);
  await Promise.all(tabs.map((tab) => tab.rest()));
  const verdict = await world.verdict();
  expect(verdict.violations).toEqual([]);
});
