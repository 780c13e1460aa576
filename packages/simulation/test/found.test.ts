/**
 * What seeds have found, each played again with the people, the faults and the moments that it took. Delays and ids come
 * from a few seeds; none of them must matter.
 */
import { describe, expect, test } from "bun:test";
import { Directed, plain } from "./directed.ts";

const SEEDS = [1, 2, 3, 4, 5];
const HELD_UP_MS = 7_000;
/** Less than what a worker is killed after. */
const HELD_UP_SERVER_MS = 4_000;

describe.each(SEEDS)("what seeds have found, with the delays of %i", (seed) => {
  // The login was late, and the close code said that it would be so for ever.
  test("[CN5] a tab that the browser held up between the connection and its hello comes back", async () => {
    using directed = await Directed.begin(seed, [[plain], [plain]]);
    const tab = directed.tab(0);
    tab.wires[0]?.cut();
    await directed.until("it connects again", () => !tab.isOnline && tab.wires.length > 0);
    directed.pause(tab.life, HELD_UP_MS);
    await directed.pass(HELD_UP_MS);
    expect(await directed.end()).toEqual([]);
  });

  // The refusal of a mark names nothing, and nobody tried again before the next connection.
  test("[MK1] a mark that the disk refused is repeated on the same connection", async () => {
    using directed = await Directed.begin(seed, [[plain], [plain]]);
    const [alice, bob] = [directed.tab(0), directed.tab(1)];
    alice.send(directed.conversation, "look at this");
    await directed.until("bob has it", () => bob.client.conversation(directed.conversation)?.lastSeq === 1);
    directed.faults.plant("diskFailure", /\bmark\b/);
    bob.read(directed.conversation, 1);
    await directed.until("the disk refused it", () => directed.faults.areOver);
    const wires = bob.wires;
    expect(await directed.end()).toEqual([]);
    expect(bob.wires).toEqual(wires);
  });

  // The writer's name was in the file already, and the next attempt took it for another server's.
  test("[CV3] a store whose new writer fails halfway into its beginning comes back at the next attempt", async () => {
    using directed = await Directed.begin(seed, [[plain], [plain]]);
    directed.faults.plant("flushFailure", /\bappend\b/);
    directed.faults.plant("openFailure", /INSERT INTO event/);
    directed.tab(0).send(directed.conversation, "one");
    await directed.until("both have failed", () => directed.faults.areOver);
    expect(await directed.end()).toEqual([]);
  });

  // The follower thought it on its way over the old leader's connection, and sent what came later first.
  test("[CV12] what a tab had written over a connection that nobody else knew of yet is sent first when the tab is gone", async () => {
    using directed = await Directed.begin(seed, [[{ ...plain, tabs: 2, sharedTabs: true }], [plain]]);
    const device = directed.device(0);
    const leader = device.tabs.find(({ wires }) => wires.length > 0);
    const follower = device.tabs.find((tab) => tab !== leader);
    if (leader === undefined || follower === undefined) throw new RangeError("two tabs share a connection");
    const { conversation } = directed;
    const stateOf = () => follower.client.timeline(conversation).entries.at(-1)?.state;
    leader.wires[0]?.cut();
    await directed.until("the follower has heard of it", () => !follower.isOnline);
    follower.send(conversation, "one");
    await directed.until("the leader has it written", () => stateOf() === "sending");
    expect(follower.isOnline).toBe(false);
    for (const wire of leader.wires) wire.cut();
    device.crashTab(leader);
    await directed.until("the follower leads", () => follower.isOnline);
    follower.send(conversation, "two");
    expect(await directed.end()).toEqual([]);
  });

  // It lay in the storage, which the tab that leads does not read again, until another one led.
  test("[CV3] what a tab writes before it has heard from the one that leads is sent, though it is closed at once", async () => {
    const shared = { ...plain, tabs: 1, sharedTabs: true, offline: true };
    using directed = await Directed.begin(seed, [[shared], [plain]]);
    const { stage, conversation } = directed;
    const [leader, bob] = [directed.tab(0), directed.tab(1)];
    bob.send(conversation, "to be kept for the next tab");
    await directed.pass(5_000);
    const { route } = stage;
    stage.route = () => undefined;
    for (const wire of leader.wires) wire.cut();
    await directed.until("nobody is connected", () => !leader.isOnline);
    const tab = leader.device.openTab();
    await directed.until("it knows who it is", () => tab.client.me !== undefined);
    tab.send(conversation, "quick");
    await directed.pass(100);
    leader.device.closeTab(tab);
    stage.route = route;
    expect(await directed.end()).toEqual([]);
  });

  // The worker of one put the old name back when it heard of the refusal, over the new name of the other.
  test("[NK5] of two devices that rename, one of them refused and told late, all see what is stored", async () => {
    using directed = await Directed.begin(seed, [[plain, plain], [plain]]);
    const [one, two] = [directed.tab(0), directed.tab(1)];
    const worker = directed.workerOf(one);
    await directed.moveFrom(worker, two);
    directed.faults.plant("diskFailure", /\brename\b/);
    one.client.rename("alice one").catch(() => undefined);
    await directed.until("the disk refused it", () => directed.faults.areOver);
    directed.pause(worker, HELD_UP_SERVER_MS);
    // Or it would ask for its name again.
    one.device.crashTab(one);
    one.device.openTab();
    await directed.answered(two.client.rename("alice two"));
    expect(await directed.end()).toEqual([]);
  });
});
