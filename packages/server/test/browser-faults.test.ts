/** Real Chromium among the clients: what happens to tabs and browsers must not happen to messages. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { browserGuests, ChaosSite } from "./chaos/browsers.ts";
import { World } from "./chaos/world.ts";

setDefaultTimeout(120_000);

test("[CV6] tabs crash, the browser is killed, storage is full or denied, a clock is set back: nothing is lost or doubled", async () => {
  using site = await ChaosSite.build();
  await using world = await World.begin({
    workers: 2,
    conversations: 2,
    devices: 2,
    serverOptions: ["--origins", site.origin],
  });
  await using guests = await browserGuests(site.origin, world.groups, world.proxy.url);
  const tabs = world.groups.flatMap(({ participants }) => participants);
  await Promise.all(tabs.map((tab) => tab.begin()));
  const random = new SeededRandom(1);
  expect(guests.faults.map(({ name }) => name)).toEqual([
    "tab crashed",
    "browser killed",
    "storage full",
    "browser's clock set back",
  ]);
  for (const fault of guests.faults) {
    await fault.inflict(world, random);
    world.proxy.cutAll();
    // The clients beside it go on meanwhile; a fault that stops all talk would show here.
    for (const talker of world.talkers) {
      const before = talker.log.acknowledged.size;
      await talker.when(() => talker.log.acknowledged.size > before + 2, "the talk goes on", 60_000);
    }
  }
  await Promise.all(tabs.map((tab) => tab.rest()));
  const verdict = await world.verdict();
  expect(verdict.violations).toEqual([]);
  const own = await Promise.all(tabs.map((tab) => tab.testimony()));
  for (const { acknowledged } of own) expect(acknowledged.size).toBeGreaterThan(3);
});
