import { describe, expect, test } from "bun:test";
import type { ConversationView } from "@duologue/client";
import type { FrameMessage } from "../widget/messages.ts";
import { type Arrival, Arrivals, type ConversationSource } from "./arrivals.ts";

function conversation(id: string, unread: number): ConversationView {
  const markers = { delivered: 0, read: 0 };
  const peer = { id: "peer", name: "Peer", kind: "guest" } as const;
  return {
    id,
    peer,
    online: true,
    lastSeq: 9,
    lastMessage: undefined,
    unread,
    typing: false,
    mine: markers,
    theirs: markers,
  };
}

function source(...conversations: readonly ConversationView[]): ConversationSource {
  const find = (id: string): ConversationView | undefined => conversations.find((one) => one.id === id);
  return { conversations, conversationsLoaded: true, conversation: find };
}

function arrival(id: string, seq: number): Arrival {
  const body = { kind: "text", text: "secret" } as const;
  const common = { type: "event", kind: "message", from: "peer", time: seq, cursor: "-" } as const;
  return { ...common, conversation: id, id: `${id}-${seq}`, seq, body };
}

class Host {
  readonly posted: FrameMessage[] = [];
  readonly arrivals = new Arrivals((message) => this.posted.push(message));

  get told(): readonly string[] {
    expect(JSON.stringify(this.posted)).not.toContain("secret");
    return this.posted.map((message) => {
      if (message.type === "unread") return `unread ${message.count}`;
      return message.type === "message"
        ? `${message.message.id} of ${message.message.fromName}`
        : message.type;
    });
  }
}

describe("what the host page is told", () => {
  test("nothing before the conversations are loaded; then what is unread, once for each count", () => {
    const host = new Host();
    host.arrivals.update({ ...source(), conversationsLoaded: false }, undefined);
    host.arrivals.update(source(conversation("a", 2)), undefined);
    host.arrivals.update(source(conversation("a", 1), conversation("b", 1)), undefined);
    expect(host.told).toEqual(["unread 2"]);
  });

  test("each of several messages that come at once, before the count that they make", () => {
    const host = new Host();
    host.arrivals.update(source(conversation("a", 0)), undefined);
    for (const seq of [1, 2, 3]) host.arrivals.add(arrival("a", seq));
    host.arrivals.update(source(conversation("a", 3)), undefined);
    host.arrivals.update(source(conversation("a", 0)), undefined);
    expect(host.told).toEqual([
      "unread 0",
      ...["a-1 of Peer", "a-2 of Peer", "a-3 of Peer"],
      "unread 3",
      "unread 0",
    ]);
  });

  test("a message of a conversation that is not known yet, once it is", () => {
    const host = new Host();
    host.arrivals.add(arrival("new", 1));
    host.arrivals.update(source(), undefined);
    host.arrivals.update(source(conversation("new", 1)), undefined);
    expect(host.told).toEqual(["unread 0", "new-1 of Peer", "unread 1"]);
  });

  test("of the one conversation that is shown only, also after another one is", () => {
    const host = new Host();
    const b = conversation("b", 1);
    host.arrivals.add(arrival("a", 6));
    host.arrivals.update(source(conversation("a", 4), b), "b");
    host.arrivals.update(source(conversation("a", 4), b), "a");
    host.arrivals.add(arrival("a", 7));
    host.arrivals.update(source(conversation("a", 5), b), "a");
    expect(host.told).toEqual(["unread 1", "unread 4", "a-7 of Peer", "unread 5"]);
  });
});
