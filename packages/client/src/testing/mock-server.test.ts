/** The mock server as its users meet it, and the rules of SPEC.md that it claims, frame by frame. */
import { describe, expect, test } from "bun:test";
import { type ClientFrame, encodeFrame, type ServerFrame, SUBPROTOCOL } from "@duologue/protocol";
import { connect } from "../client.ts";
import { browserEnvironment, type StandardSocket } from "../environment.ts";
import { createMockServer, type MockServer } from "./index.ts";

const ID = "00000000-0000-7000-8000-00000000000";

/** A connection without a client: frames up, frames down, both as they are. */
class Wire {
  readonly #server: MockServer;
  readonly #socket: StandardSocket;
  readonly #frames: ServerFrame[] = [];
  closedWith: number | undefined;

  constructor(server: MockServer) {
    this.#server = server;
    this.#socket = new server.WebSocket(server.url, SUBPROTOCOL);
    this.#socket.onmessage = ({ data }) => void this.#frames.push(JSON.parse(String(data)));
    this.#socket.onclose = ({ code }) => {
      this.closedWith = code;
    };
  }

  /** Everything that came since the last question, after this frame was answered. */
  async ask(frame?: ClientFrame): Promise<readonly ServerFrame[]> {
    await this.#server.settled();
    if (frame !== undefined) this.#socket.send(encodeFrame(frame));
    await this.#server.settled();
    return this.#frames.splice(0);
  }
}

async function pair(): Promise<{ server: MockServer; alice: Wire; bob: Wire; conversation: string }> {
  const server = createMockServer();
  const [alice, bob] = [new Wire(server), new Wire(server)];
  await alice.ask({ type: "hello", version: 1, nickname: "alice" });
  await bob.ask({ type: "hello", version: 1, nickname: "bob" });
  await alice.ask({ type: "open", ref: 1, user: server.users[1]?.id ?? "" });
  const [answer] = await bob.ask({ type: "open", ref: 1, user: server.users[0]?.id ?? "" });
  if (answer?.type !== "conversation") throw new TypeError("no conversation was opened");
  await alice.ask();
  return { server, alice, bob, conversation: answer.conversation.id };
}

function say(conversation: string, number: number, text: string): ClientFrame {
  return { type: "send", id: `${ID}${number}`, conversation, body: { kind: "text", text } };
}

describe("the mock server", () => {
  test("[HL2, LB1, LB2] makes guests, and tells who is there", async () => {
    const server = createMockServer();
    const alice = new Wire(server);
    const frames = await alice.ask({ type: "hello", version: 1, nickname: "alice" });
    expect(frames).toMatchObject([
      { type: "welcome", user: { name: "alice", kind: "guest" } },
      { type: "lobby", count: 1, users: [{ name: "alice" }] },
    ]);
    await new Wire(server).ask({ type: "hello", version: 1, nickname: "bob" });
    expect(await alice.ask()).toMatchObject([{ type: "lobby-change", count: 2, joined: [{ name: "bob" }] }]);
  });

  test("[HL7, HT2] refuses unknown and expired tokens, and closes", async () => {
    const server = createMockServer();
    const expired = server.signToken(server.addUser("carol"));
    server.expireToken(expired);
    for (const [token, code] of [
      ["nonsense", "token_invalid"],
      [expired, "token_expired"],
    ] as const) {
      const wire = new Wire(server);
      expect(await wire.ask({ type: "hello", version: 1, token })).toMatchObject([{ type: "error", code }]);
      expect(wire.closedWith).toBe(4501);
    }
  });

  test("[CV1, CV2, CV10] gives two people one conversation, and others none", async () => {
    const { server, alice, bob, conversation } = await pair();
    const [same] = await alice.ask({ type: "open", ref: 2, conversation });
    expect(same).toMatchObject({ type: "conversation", ref: 2, conversation: { id: conversation } });
    const me = server.users[0]?.id ?? "";
    expect(await alice.ask({ type: "open", ref: 3, user: me })).toMatchObject([
      { code: "self_conversation" },
    ]);
    expect(await bob.ask({ type: "open", ref: 3, user: "nobody" })).toMatchObject([{ code: "user_unknown" }]);
    const carol = new Wire(server);
    await carol.ask({ type: "hello", version: 1, nickname: "carol" });
    for (const frame of [
      { type: "open", ref: 4, conversation },
      { type: "history", ref: 4, conversation },
      say(conversation, 1, "x"),
    ] as const) {
      expect(await carol.ask(frame)).toMatchObject([{ type: "error", code: "conversation_unknown" }]);
    }
  });

  test("[CV3, CV4, CV5, CV6, CV7] numbers messages, delivers them to the others, and takes each id once", async () => {
    const { alice, bob, conversation } = await pair();
    expect(await alice.ask(say(conversation, 1, "one"))).toMatchObject([{ type: "ack", seq: 1 }]);
    expect(await bob.ask(say(conversation, 2, "two"))).toMatchObject([
      { type: "event", seq: 1, body: { text: "one" } },
      { type: "ack", seq: 2 },
    ]);
    await alice.ask();
    const [repeat] = await alice.ask(say(conversation, 1, "one"));
    expect(repeat).toMatchObject({ type: "ack", seq: 1, duplicate: true });
    expect(repeat).not.toHaveProperty("cursor");
    expect(await alice.ask(say(conversation, 1, "another"))).toMatchObject([{ code: "id_conflict" }]);
    expect(await bob.ask()).toEqual([]);
  });

  test("[CV8, CV9, CV11] takes changes of one's own messages, answers to what is there, and text that is text", async () => {
    const { alice, bob, conversation } = await pair();
    await alice.ask(say(conversation, 1, "one"));
    await bob.ask();
    const edit = { type: "edit", conversation, target: 1, body: { kind: "text", text: "eins" } } as const;
    expect(await bob.ask({ ...edit, id: `${ID}2` })).toMatchObject([{ code: "target_invalid" }]);
    expect(await alice.ask({ ...edit, id: `${ID}3`, target: 9 })).toMatchObject([{ code: "seq_unknown" }]);
    expect(await alice.ask({ ...edit, id: `${ID}3` })).toMatchObject([{ type: "ack", seq: 2 }]);
    const retract = { type: "retract", id: `${ID}4`, conversation, target: 1 } as const;
    expect(await alice.ask(retract)).toMatchObject([{ type: "ack", seq: 3 }]);
    const [history] = await bob.ask({ type: "history", ref: 1, conversation }).then((all) => all.slice(-1));
    expect(JSON.stringify(history)).not.toContain("one");
    expect(await alice.ask(say(conversation, 5, " "))).toMatchObject([{ code: "text_empty" }]);
    expect(await alice.ask(say(conversation, 5, "x".repeat(8001)))).toMatchObject([
      { code: "text_too_long" },
    ]);
    expect(await alice.ask({ ...say(conversation, 5, "x"), replyTo: 9 } as ClientFrame)).toMatchObject([
      { code: "seq_unknown" },
    ]);
  });

  test("[MK1, MK2, MK3, SY1] moves markers forward, tells both sides, and chains the cursors", async () => {
    const { alice, bob, conversation } = await pair();
    await alice.ask(say(conversation, 1, "one"));
    const [event] = await bob.ask();
    const [moved] = await bob.ask({ type: "mark", conversation, read: 1 });
    expect(moved).toMatchObject({ type: "markers", delivered: 1, read: 1, unread: 0 });
    expect(moved).toHaveProperty("prev", (event as { cursor?: string }).cursor);
    expect(await alice.ask()).toMatchObject([{ type: "markers", read: 1 }]);
    expect(await bob.ask({ type: "mark", conversation, delivered: 1 })).toEqual([]);
    expect(await bob.ask({ type: "mark", conversation, read: 2 })).toMatchObject([{ code: "seq_unknown" }]);
  });

  test("[SY2, SY3, SY4] says what changed since a cursor, and that a strange one is of no use", async () => {
    const { alice, bob, conversation } = await pair();
    await alice.ask(say(conversation, 1, "one"));
    const [event] = await bob.ask();
    const { cursor = "" } = event as { cursor?: string };
    await alice.ask(say(conversation, 2, "two"));
    expect((await bob.ask({ type: "ping", cursor })).at(-1)).toMatchObject({ type: "pong", behind: true });
    const [changes] = await bob.ask({ type: "sync", ref: 1, cursor });
    expect(changes).toMatchObject({ type: "changes", events: [{ seq: 2 }], more: false });
    expect(await bob.ask({ type: "sync", ref: 2, cursor: "strange" })).toMatchObject([{ reset: true }]);
  });
});

describe("a test with the mock server", () => {
  test("writes, reads, loses the network and waits, without time of its own", async () => {
    const server = createMockServer();
    const bob = server.addUser("bob");
    const alice = connect({ url: server.url, nickname: "alice", environment: server.environment });
    await server.settled();
    if (alice.me === undefined) throw new TypeError("alice is not logged in");
    const opened = alice.open(bob.id);
    await server.settled();
    const conversation = await opened;
    server.reachable = false;
    server.cut();
    alice.send(conversation, "are you there?");
    await server.advance(5_000);
    expect(server.messages(alice.me, bob)).toEqual([]);
    server.reachable = true;
    await server.advance(10_000);
    server.write(bob, alice.me, "I am");
    await server.settled();
    expect(alice.timeline(conversation).entries.map((entry) => entry.body?.text)).toEqual([
      "are you there?",
      "I am",
    ]);
    expect(server.messages(alice.me, bob)).toEqual([
      { from: alice.me, text: "are you there?" },
      { from: bob, text: "I am" },
    ]);
    server.refuseNext("recipient_gone");
    alice.send(conversation, "still?");
    await server.settled();
    expect(alice.timeline(conversation).entries.at(-1)?.state).toBe("failed");
    alice.close();
  });

  test("serves code that makes its own environment, through the constructor of sockets", async () => {
    const server = createMockServer();
    const environment = browserEnvironment({ WebSocket: server.WebSocket });
    const client = connect({ url: server.url, nickname: "alice", environment });
    await server.settled();
    expect(client.connection.kind).toBe("online");
    client.close();
  });
});
