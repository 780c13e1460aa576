import { describe, expect, test } from "bun:test";
import { type ListSource, type Placed, Standings, type StandingsStore } from "./standings.ts";

/** What the tabs of one browser keep in common; whoever writes is not told, as with a browser's storage. */
class Browser {
  text: string | undefined;
  readonly #tabs = new Map<StandingsStore, () => void>();

  openTab(): Standings {
    const store: StandingsStore = {
      read: () => this.text,
      write: (text) => {
        this.text = text;
        for (const [other, listener] of this.#tabs) if (other !== store) listener();
      },
      onChange: (listener) => {
        this.#tabs.set(store, listener);
        return () => this.#tabs.delete(store);
      },
    };
    return new Standings(store);
  }
}

function conversation(id: string, seq = 0, from = "peer"): Placed {
  const peer = { id: "peer", name: "Peer", kind: "guest" } as const;
  if (seq === 0) return { id, peer, lastMessage: undefined };
  const common = { type: "event", kind: "message", conversation: id, cursor: "-" } as const;
  return { id, peer, lastMessage: { ...common, id, seq, from, time: seq, body: { kind: "text", text: "" } } };
}

function listOf(conversations: readonly Placed[]): ListSource {
  return {
    conversations,
    conversationsLoaded: true,
    hasMoreConversations: false,
    connection: { kind: "online" },
    loadConversations: () => Promise.resolve(),
  };
}

const idsOf = ({ listed, archived }: { listed: Placed[]; archived: Placed[] }): string =>
  [listed, archived].map((part) => part.map(({ id }) => id).join("")).join("/");

const four = [..."abcd"].map((id) => conversation(id, 5));
const [a, b, c, d] = four as [Placed, Placed, Placed, Placed];

describe("the order of the list", () => {
  test("without a choice is the order given", () => {
    expect(idsOf(new Browser().openTab().arrange(four))).toBe("abcd/");
  });

  test("has the pinned ones first, by what was said last and not by when they were pinned", () => {
    const standings = new Browser().openTab();
    standings.set(d, "pinned", true);
    standings.set(c, "pinned", true);
    expect(idsOf(standings.arrange(four))).toBe("cdab/");
    standings.set(c, "pinned", false);
    expect(idsOf(standings.arrange(four))).toBe("dabc/");
  });

  test("has the archived ones apart, pinned or not; muting moves nothing", () => {
    const standings = new Browser().openTab();
    standings.set(b, "pinned", true);
    standings.set(b, "archived", true);
    standings.set(c, "archived", true);
    standings.set(a, "muted", true);
    expect(idsOf(standings.arrange(four))).toBe("ad/bc");
    standings.set(b, "archived", false);
    expect(idsOf(standings.arrange(four))).toBe("bad/c");
  });
});

describe("an archived conversation", () => {
  test("comes back with a new message of the other side, and stays there after an answer", () => {
    const standings = new Browser().openTab();
    standings.set(a, "archived", true);
    standings.update(listOf([a]));
    expect(standings.has("a", "archived")).toBe(true);
    standings.update(listOf([conversation("a", 6, "me")]));
    expect(standings.has("a", "archived")).toBe(true);
    standings.update(listOf([conversation("a", 7)]));
    expect(standings.has("a", "archived")).toBe(false);
    standings.update(listOf([conversation("a", 8, "me")]));
    expect(standings.has("a", "archived")).toBe(false);
  });

  test("that had no message comes back with the first one", () => {
    const standings = new Browser().openTab();
    standings.set(conversation("e"), "archived", true);
    standings.update(listOf([conversation("e", 1)]));
    expect(standings.has("e", "archived")).toBe(false);
  });

  test("that is muted stays, also for what came meanwhile when it is muted no more", () => {
    const standings = new Browser().openTab();
    standings.set(a, "muted", true);
    standings.set(a, "archived", true);
    standings.update(listOf([conversation("a", 6)]));
    expect(standings.has("a", "archived")).toBe(true);
    standings.set(conversation("a", 6), "muted", false);
    standings.update(listOf([conversation("a", 6)]));
    expect(standings.has("a", "archived")).toBe(true);
    standings.update(listOf([conversation("a", 7)]));
    expect(standings.has("a", "archived")).toBe(false);
  });
});

describe("a pinned conversation far down the list", () => {
  test("has the list go on, one page at a time, until it is there, and no further", async () => {
    const standings = new Browser().openTab();
    standings.set(d, "pinned", true);
    const pages = [[a], [b], [d], [c]];
    const known: Placed[] = [];
    let isFailing = true;
    const source: ListSource = {
      ...listOf(known),
      hasMoreConversations: true,
      loadConversations: async () => {
        if (isFailing) throw new TypeError("The connection was lost.");
        known.push(...(pages.shift() ?? []));
      },
    };
    const update = async (): Promise<string> => {
      for (let times = 0; times < 2; times += 1) standings.update(source);
      // The answer, its failure, and what follows it: each takes a turn of the queue of promises.
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      return known.map(({ id }) => id).join("");
    };
    expect(await update()).toBe("");
    isFailing = false;
    standings.update({ ...source, connection: { kind: "connecting" } });
    expect([await update(), await update(), await update(), await update()]).toEqual([
      "a",
      "ab",
      "abd",
      "abd",
    ]);
  });
});

describe("what is kept", () => {
  test("holds after a reload, and nothing is kept of what was taken back", () => {
    const browser = new Browser();
    const before = browser.openTab();
    before.set(a, "muted", true);
    before.set(b, "archived", true);
    const after = browser.openTab();
    expect(after.of("a")).toEqual({ muted: true, pinned: false, archivedAt: undefined });
    expect(after.of("b")).toEqual({ muted: false, pinned: false, archivedAt: 5 });
    after.set(a, "muted", false);
    after.set(b, "archived", false);
    expect(browser.text).toBeUndefined();
  });

  test("is followed by another tab until that is closed", () => {
    const browser = new Browser();
    const [first, second] = [browser.openTab(), browser.openTab()];
    let calls = 0;
    second.subscribe(() => {
      calls += 1;
    });
    first.set(a, "pinned", true);
    expect([second.has("a", "pinned"), calls]).toEqual([true, 2]);
    second.close();
    first.set(a, "pinned", false);
    expect([second.has("a", "pinned"), calls]).toEqual([true, 2]);
  });

  test("does not lose what another tab kept and this one was not told of yet", () => {
    const browser = new Browser();
    const [first, second] = [browser.openTab(), browser.openTab()];
    second.close();
    first.set(a, "pinned", true);
    second.set(b, "muted", true);
    expect(second.has("a", "pinned")).toBe(true);
  });

  test("is bounded: of more than 300 conversations, the one marked longest ago is plain again", () => {
    const browser = new Browser();
    const standings = browser.openTab();
    for (let index = 0; index < 300; index += 1) standings.set(conversation(`${index}`), "muted", true);
    standings.set(conversation("0"), "pinned", true);
    standings.set(conversation("last"), "muted", true);
    const muted = ["0", "1", "2", "299", "last"].filter((id) => browser.openTab().has(id, "muted"));
    expect(muted).toEqual(["0", "2", "299", "last"]);
  });

  test("is dropped with conversations that exist no more, once the whole list is known", () => {
    const browser = new Browser();
    const standings = browser.openTab();
    standings.set(a, "muted", true);
    standings.set(b, "muted", true);
    const isKept = (): boolean[] => ["a", "b"].map((id) => browser.openTab().has(id, "muted"));
    standings.update({ ...listOf([c]), conversationsLoaded: false });
    standings.update({ ...listOf([c]), hasMoreConversations: true });
    expect(isKept()).toEqual([true, true]);
    standings.update(listOf([b, c]));
    expect(isKept()).toEqual([false, true]);
    // Another tab began it, and it is not known here yet.
    browser.openTab().set(a, "muted", true);
    standings.update(listOf([b, c]));
    expect(isKept()).toEqual([true, true]);
  });

  test("is forgotten with its user", () => {
    const browser = new Browser();
    const standings = browser.openTab();
    standings.set(a, "pinned", true);
    standings.forget();
    expect(browser.text).toBeUndefined();
  });

  test.each(["", "null", "{}", "[1]", "[[1,{}]]", '[["a",null]]', '[["a",{"archivedAt":"5"}]]'])(
    "and is none of ours counts as nothing: %s",
    (text) => {
      const browser = new Browser();
      browser.text = text;
      expect(idsOf(browser.openTab().arrange(four))).toBe("abcd/");
    },
  );

  test("nowhere, without a storage: choices hold until the page is left", () => {
    const standings = new Standings({ read: () => undefined, write: () => {}, onChange: () => () => {} });
    standings.set(a, "muted", true);
    standings.set(b, "pinned", true);
    expect([standings.has("a", "muted"), standings.has("b", "pinned")]).toEqual([true, true]);
  });
});
