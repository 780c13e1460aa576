/** An answer that is lost, and the repeat: through another worker, at once, after minutes, after a month. */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "@duologue/testing";
import { type Probe, probes } from "../src/coverage.ts";
import { Prober } from "../src/probe.ts";
import { outboxOf } from "../src/verdict.ts";
import { Directed, plain } from "./directed.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A guest's session lasts 90 days from its last use, so after 30 it is still the same person, as in the product. */
describe.each([
  ["at once", 0],
  ["10 minutes later", 10 * MINUTE_MS],
  ["30 days later", 30 * DAY_MS],
])("a message whose answer was lost is sent again %s", (_, laterMs) => {
  test.each([
    // It knows from the first answer to its cursor that the message is there.
    ["the page that stayed open", false, 0],
    ["the page that was opened again", true, 1],
  ])(
    "[CV6, CV7, HL3] by %s, and by a client that repeats it all the same, through another worker: the same number, one message; and with another content, a conflict",
    async (_way, isReopened, repeats) => {
      using directed = await Directed.begin(1, [[plain], [plain]]);
      const { stage, conversation } = directed;
      const { world, witness, server } = stage;
      const device = directed.device(0);
      const first = directed.workerOf(directed.tab(0));
      stage.route = (ready) => ready.find(({ life }) => life !== first);
      directed.faults.plant("lostReply", /^\{"type":"send"/);
      directed.tab(0).send(conversation, "once");
      await directed.until("the answer is lost", () => directed.faults.areOver);
      const [id = ""] = witness.sent.keys();
      const bob = directed.tab(1);
      const isStored = () => bob.client.conversation(conversation)?.lastSeq === 1;
      await directed.until("it is committed, and bob is told", isStored);
      if (isReopened) device.closeTab(directed.tab(0));
      world.wallOffsetMs += laterMs;
      if (isReopened) device.openTab().open(conversation);

      const isKnown = (): boolean => {
        const shown = device.tabs[0]?.client.timeline(conversation).entries ?? [];
        return shown.map(({ seq }) => seq).join() === "1" && outboxOf(device).size === 0;
      };
      await directed.until("the sender knows its number", isKnown);
      expect(witness.repeats).toBe(repeats);
      for (const probe of ["the same", "another text"] as const) {
        const asked = new Prober(stage).probe(device, new SeededRandom(1), probe);
        await directed.answered(asked);
        expect([probe, await asked]).toEqual([probe, "right"]);
      }
      expect(witness.repeats).toBe(repeats + 1);
      expect(device.tabs.map((tab) => directed.workerOf(tab))).not.toContain(first);
      using reader = server.openReader();
      const { events } = await reader.history(conversation, undefined, 10);
      expect(events.map((event) => [event.seq, event.id])).toEqual([[1, id]]);
      expect(await directed.end()).toEqual([]);
    },
  );
});

describe("an id that the server has, sent again over another connection", () => {
  test.each(probes)("[CV6, CV7] with %s gets what the rule says", async (probe: Probe) => {
    using directed = await Directed.begin(1, [[plain], [plain], [plain]]);
    const { stage } = directed;
    const [alice, carol] = [directed.tab(0), directed.tab(2)];
    stage.openWith(alice, carol.device.user);
    await directed.until("alice knows carol too", () => stage.conversations.size === 2);
    alice.send(directed.conversation, "hello");
    await directed.until("it is there", () => stage.witness.acknowledged.size === 1);
    const asked = new Prober(stage).probe(alice.device, new SeededRandom(1), probe);
    await directed.answered(asked);
    expect(await asked).toBe("right");
    expect(await directed.end()).toEqual([]);
  });
});
