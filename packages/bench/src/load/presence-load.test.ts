import { expect, test } from "bun:test";
import { quickClock } from "../testing/quick-clock.ts";
import { type PresenceJob, STRANGERS } from "./job.ts";
import { runPresence } from "./presence-load.ts";

const job: PresenceJob = {
  kind: "presence",
  seed: 1,
  nats: undefined,
  nodes: 3,
  users: 90,
  lobbyUsers: 10,
  contacts: 5,
  onlineShare: 0.5,
  arrivals: 12,
  arrivalsPerSecond: 50,
  quietMs: 400,
};

test("users come, watch and go over the nodes of a memory bus, and what goes over it is counted", async () => {
  const { joins, watches, strangers, leaves } = await runPresence(quickClock(40), job);
  // Each newcomer's name is asked for and their coming told; and their going.
  expect(joins.sentMessages).toBeGreaterThanOrEqual(2 * job.arrivals);
  expect(leaves.sentMessages).toBeGreaterThanOrEqual(job.arrivals);
  // Whoever watches ten unknown people asks ten times; contacts of others were asked for before.
  expect(strangers.sentMessages).toBeGreaterThanOrEqual(STRANGERS * job.arrivals);
  expect(watches.sentMessages).toBeLessThan(strangers.sentMessages);
  expect(joins.receivedBytes).toBeGreaterThan(joins.receivedMessages);
});
