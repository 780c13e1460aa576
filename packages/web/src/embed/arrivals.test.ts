import { describe, expect, test } from "bun:test";
import type { ConversationView } from "@duologue/client";
import type { FrameMessage } from "../widget/messages.ts";
import { Arrivals, type ConversationSource } from "./arrivals.ts";

const me = { id: "me", name: "Me", kind: "guest" } as const;

function conversation(id: string, seq: number, from: string, unread: number): ConversationView {
  const lastMessage = {
    type: "event",
    conversation: id,
    id: `${id}-${seq}`,
    kind: "message",
    from,
    seq,
    time: seq,
    cursor: "-",
    body: { kind: "text", text: "secret" },
  } as const;
  const markers = { delivered: 0, read: 0 };
  const peer = { id: "peer", name: "Peer", kind: "guest" } as const;
  return {
    id,
    peer,
    online: true,
    lastSeq: seq,
    lastMessage,
    unread,
    typing: false,
    mine: markers,
    theirs: markers,
  };
}

function source(...conversations: readonly ConversationView[]): ConversationSource {
  return { conversations, conversationsLoaded: true, me };
}

function told(steps: readonly (readonly [ConversationSource, string | undefined])[]): readonly string[] {
  const posted: FrameMessage[] = [];
  const arrivals = new Arrivals((message) => posted.push(message));
  for (const [conversations, only] of steps) arrivals.update(conversations, only);
  expect(JSON.stringify(posted)).not.toContain("secret");
  return posted.map((message) => {
    if (message.type === "unread") return `unread ${message.count}`;
    return message.type === "message" ? message.message.id : message.type;
  });
}

describe("what the host page is told", () => {
  test("nothing before the conversations are loaded; then what is unread, but nothing old as news", () => {
    const unloaded = { conversations: [], conversationsLoaded: false, me };
    expect(
      told([
        [unloaded, undefined],
        [source(conversation("a", 4, "peer", 2)), undefined],
      ]),
    ).toEqual(["unread 2"]);
  });

  test("each message of the other side once, one's own never", () => {
    expect(
      told([
        [source(conversation("a", 1, "peer", 0)), undefined],
        [source(conversation("a", 2, "peer", 1)), undefined],
        [source(conversation("a", 2, "peer", 0)), undefined],
        [source(conversation("a", 3, "me", 0)), undefined],
        [source(conversation("a", 4, "peer", 0)), undefined],
      ]),
    ).toEqual(["unread 0", "a-2", "unread 1", "unread 0", "a-4"]);
  });

  test("a conversation that somebody begins is news, an old one that is opened is not", () => {
    expect(
      told([
        [source(), undefined],
        [source(conversation("new", 1, "peer", 1), conversation("old", 9, "peer", 0)), undefined],
      ]),
    ).toEqual(["unread 0", "new-1", "unread 1"]);
  });

  test("of the one conversation that is shown only, also after another one is", () => {
    const a = conversation("a", 5, "peer", 3);
    expect(
      told([
        [source(a, conversation("b", 1, "peer", 1)), "b"],
        [source(conversation("a", 6, "peer", 4), conversation("b", 1, "peer", 0)), "b"],
        [source(conversation("a", 6, "peer", 4), conversation("b", 1, "peer", 0)), "a"],
        [source(conversation("a", 7, "peer", 5)), "a"],
      ]),
    ).toEqual(["unread 1", "unread 0", "unread 4", "a-7", "unread 5"]);
  });
});
