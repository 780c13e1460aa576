/** The verdict itself: what a true scene is told, and what a false one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Conversation, ConversationEvent } from "@duologue/protocol";
import type { SqliteReader } from "duologue";
import { type JudgedDevice, type JudgedTab, judge, type Scene } from "../src/verdict.ts";
import { Directed, plain } from "./directed.ts";

let directed: Directed;
let reader: SqliteReader;
let honest: Scene;

beforeAll(async () => {
  directed = await Directed.begin(1, [[plain, plain], [plain]]);
  const { conversation } = directed;
  const [alice, bob] = [directed.tab(0), directed.tab(2)];
  const lastSeq = (): number => bob.client.conversation(conversation)?.lastSeq ?? 0;
  const say = async (act: () => void): Promise<void> => {
    const before = lastSeq();
    act();
    await directed.until("it is there", () => lastSeq() > before);
  };
  await say(() => alice.send(conversation, "one"));
  await say(() => bob.send(conversation, "two"));
  await say(() => alice.send(conversation, "three", 2));
  await say(() => alice.edit(conversation, 1, "uno"));
  await say(() => alice.send(conversation, "five"));
  await say(() => alice.retract(conversation, 5));
  bob.read(conversation, 3);
  expect(await directed.end()).toEqual([]);
  reader = directed.stage.server.openReader();
  honest = directed.stage.sceneFor(reader);
});

afterAll(() => {
  reader.close();
  directed[Symbol.dispose]();
});

type Lie = (scene: Scene) => Scene;

/** The store holds other events. */
function stored(change: (events: readonly ConversationEvent[]) => readonly ConversationEvent[]): Lie {
  return (scene) => ({
    ...scene,
    reader: {
      history: async (conversation, before, limit) => {
        const page = await reader.history(conversation, before, limit);
        return { ...page, events: change(page.events) };
      },
      conversation: (user, conversation) => reader.conversation(user, conversation),
      user: (id) => reader.user(id),
    },
  });
}

/** One of the events is another one. */
function storedAt(seq: number, change: Partial<ConversationEvent>): Lie {
  return stored((events) => events.map((event) => (event.seq === seq ? { ...event, ...change } : event)));
}

/** The store has another summary for everybody. */
function summed(change: (summary: Conversation) => Partial<Conversation>): Lie {
  return (scene) => ({
    ...scene,
    reader: {
      history: (conversation, before, limit) => reader.history(conversation, before, limit),
      conversation: async (user, conversation) => {
        const summary = await reader.conversation(user, conversation);
        return summary && { ...summary, ...change(summary) };
      },
      user: (id) => reader.user(id),
    },
  });
}

function witnessed(change: (witness: Scene["witness"]) => Partial<Scene["witness"]>): Lie {
  return (scene) => {
    const { witness } = scene;
    const { sent, acknowledged, forgivable, ownClaims, retractedClaims, refusals } = witness;
    const reach: Scene["witness"]["reach"] = (user, conversation) => witness.reach(user, conversation);
    const told = { sent, acknowledged, forgivable, ownClaims, retractedClaims, refusals, reach };
    return { ...scene, witness: { ...told, ...change(witness) } };
  };
}

function onFirstDevice(change: (device: JudgedDevice) => Partial<JudgedDevice>): Lie {
  return (scene) => {
    const [first, ...others] = scene.devices;
    if (first === undefined) throw new RangeError("there is a device");
    const { user, disk, tabs, allTabs } = first;
    return { ...scene, devices: [{ user, disk, tabs, allTabs, ...change(first) }, ...others] };
  };
}

function inFirstTab(change: (tab: JudgedTab) => Partial<JudgedTab>): Lie {
  return onFirstDevice(({ tabs }) => ({
    tabs: tabs.map(({ life, client, opened, written, looked }, index) => {
      const tab = { life, client, opened, written, looked };
      return index === 0 ? { ...tab, ...change(tab) } : tab;
    }),
  }));
}

/** Its client shows something else. */
function shown(change: (client: JudgedTab["client"]) => Partial<JudgedTab["client"]>): Lie {
  return inFirstTab(({ client }) => ({
    client: {
      lobby: client.lobby,
      conversations: client.conversations,
      conversation: (id) => client.conversation(id),
      timeline: (id) => client.timeline(id),
      ...change(client),
    },
  }));
}

type Entries = ReturnType<JudgedTab["client"]["timeline"]>["entries"];

function entries(change: (entries: Entries) => Entries): Lie {
  return shown((client) => ({
    timeline: (id) => ({ ...client.timeline(id), entries: change(client.timeline(id).entries) }),
  }));
}

function unsent(state: object): Lie {
  const entry = JSON.stringify({ frame: { id: "waiting" }, state });
  return onFirstDevice(({ disk }) => ({
    disk: { values: new Map([...disk.values, ["outbox/u/x", entry]]) },
  }));
}

const at = (conversation: string, seq: number) => ({ conversation, seq, time: 1 });

describe("the verdict", () => {
  test("finds nothing wrong with what is right", async () => {
    expect(await judge(honest)).toEqual([]);
  });

  test.each<[string, Lie, RegExp]>([
    ["a number is missing", stored((events) => events.filter(({ seq }) => seq !== 2)), /number 3 in place 2/],
    [
      "a message is there twice",
      stored((events) => [...events, ...events.slice(0, 1).map((event) => ({ ...event, seq: 7 }))]),
      /holds a message twice/,
    ],
    ["a text is another one", storedAt(2, { body: { kind: "text", text: "zwei" } }), /reads zwei, not two/],
    ["a message is somebody else's", storedAt(2, { from: "x" }), /is said to be x's/],
    ["a reply is to another one", storedAt(3, { replyTo: 1 }), /refers to another message/],
    ["an edit is of another one", storedAt(4, { target: 3 }), /refers to another message/],
    ["an event is of another kind", storedAt(4, { kind: "message" }), /is said to be of kind message/],
    ["nobody sent it", storedAt(2, { id: "x" }), /was never sent/],
  ])("says so when in the store %s", async (_, lie, says) => {
    expect((await judge(lie(honest))).join("\n")).toMatch(says);
  });

  test.each<[string, Lie, RegExp]>([
    [
      "an acknowledged message is missing",
      witnessed(({ acknowledged }) => ({ acknowledged: new Map([...acknowledged, ["x", at("c", 9)]]) })),
      /x was acknowledged as 9 and is not there/,
    ],
    [
      "it was acknowledged under another number",
      witnessed(({ acknowledged }) => ({
        acknowledged: new Map([...acknowledged].map(([id, place]) => [id, at(place.conversation, 9)])),
      })),
      /was acknowledged as 9 and is 1/,
    ],
    [
      "what was written is nowhere",
      witnessed(({ sent }) => ({
        sent: new Map([
          ...sent,
          ["x", { user: "u", frame: { type: "retract", id: "x", conversation: "c", target: 1 } }],
        ]),
      })),
      /retract x was written, and is nowhere/,
    ],
    [
      "somebody was said to be farther than they were",
      witnessed(() => ({ ownClaims: [{ user: "x", conversation: directed.conversation, seq: 2 }] })),
      /x was said to be at 2/,
    ],
    [
      "another text was taken for the same",
      witnessed(({ sent }) => ({ retractedClaims: new Set([...sent.keys()].slice(0, 1)) })),
      /was taken for the same with another text/,
    ],
    [
      "somebody was told less than they are said to have",
      witnessed(() => ({ reach: () => ({ told: 1, looked: 1 }) })),
      /has read .* up to 3, and looked up to 1/,
    ],
  ])("says so when by the witness's log %s", async (_, lie, says) => {
    expect((await judge(lie(honest))).join("\n")).toMatch(says);
  });

  test.each<[string, Lie, RegExp]>([
    ["a message still waits", unsent({ kind: "queued" }), /waiting still waits to be sent/],
    [
      "a message was refused without reason",
      unsent({ kind: "failed", error: { code: "text_invalid" } }),
      /waiting was refused: text_invalid/,
    ],
    [
      "a tab wrote in another order",
      onFirstDevice(({ allTabs }) => ({
        allTabs: allTabs.map(({ life, written }) => ({
          life,
          written: new Map([...written].map(([id, messages]) => [id, messages.toReversed()])),
        })),
      })),
      /wrote to .* in another order: 6 5 4 3 1/,
    ],
    [
      "somebody looked farther than is stored",
      inFirstTab(() => ({ looked: new Map([[directed.conversation, 9]]) })),
      /looked at .* up to 9/,
    ],
    ["a message is not shown", entries((all) => all.slice(1)), /the number of messages of .* is 3, not 4/],
    ["messages are shown in another order", entries((all) => all.toReversed()), /message 1 of/],
    [
      "an old text is shown",
      entries((all) => all.map((entry) => ({ ...entry, body: { kind: "text", text: "one" } }))),
      /message 1 of/,
    ],
    [
      "a retraction is not shown",
      entries((all) => all.map((entry) => ({ ...entry, retracted: false }))),
      /message 4 of/,
    ],
    [
      "a receipt is wrong",
      entries((all) => all.map((entry) => ({ ...entry, state: "sent" as const }))),
      /message 1 of/,
    ],
    ["the list is empty", shown(() => ({ conversations: [] })), /the list is \[\]/],
    [
      "nobody seems to be online",
      shown(() => ({ lobby: { count: 0, users: new Map() } })),
      /who is online is \[\]/,
    ],
    [
      "somebody bears another name",
      shown(({ lobby }) => ({
        lobby: {
          count: lobby.count,
          users: new Map([...(lobby.users ?? [])].map(([id, user]) => [id, { ...user, name: "eve" }])),
        },
      })),
      /who is online is \[".* eve"/,
    ],
    [
      "the other side seems to write, and to be away",
      shown((client) => ({
        conversation: (id) => {
          const view = client.conversation(id);
          return view && { ...view, typing: true, online: false };
        },
      })),
      /typing in .* is true[\s\S]*the other one in .* is false/,
    ],
  ])("says so when on a device %s", async (_, lie, says) => {
    expect((await judge(lie(honest))).join("\n")).toMatch(says);
  });

  test.each<[string, Lie, RegExp]>([
    ["unread is miscounted", summed(() => ({ unread: 7 })), /the summary of/],
    [
      "a marker runs ahead",
      summed(({ mine }) => ({ mine: { delivered: mine.delivered, read: mine.delivered + 1 } })),
      /markers of .* run ahead/,
    ],
    [
      "what everybody has got is not delivered",
      summed(() => ({ mine: { delivered: 0, read: 0 }, unread: 1 })),
      /has got all of .*, and is said to have 0 of 6/,
    ],
  ])("says so when in the summaries %s", async (_, lie, says) => {
    expect((await judge(lie(honest))).join("\n")).toMatch(says);
  });

  test("forgives what was discarded, and a change that came too late", async () => {
    const missing: Lie = witnessed(({ sent }) => ({
      sent: new Map([
        ...sent,
        ["x", { user: "u", frame: { type: "retract", id: "x", conversation: "c", target: 1 } }],
      ]),
      forgivable: new Set(["x"]),
    }));
    expect(await judge(missing(honest))).toEqual([]);
    const late = unsent({ kind: "failed", error: { code: "target_invalid" } });
    expect(await judge(late(honest))).toEqual([]);
  });
});
