/** SPEC.md, "Classic" (CL), beyond what the recordings show. */
import { describe, expect, test } from "bun:test";
import { closeTable, defaultLimits } from "@duologue/protocol";
import { ClassicClient } from "../harness/classic.ts";
import { freshName, Peer, textBody } from "../harness/peer.ts";
import { opcode } from "../harness/raw.ts";

export function classicTests(url: () => string): void {
  loginTests(url);
  listTests(url);
  chatTests(url);
  limitTests(url);
  mixedTests(url);
  goneTests(url);
  repeatTests(url);
}

/** Word characters that no other test's name begins with. */
function visitorName(): string {
  return `v_${freshName("").trim()}`;
}

function loginTests(url: () => string): void {
  test.each([
    ["login:alice smith", "alice"],
    ["login:alice<b>", "alice"],
    ["login:abcdefghij0123456789xyz", "abcdefghij0123456789"],
    ["LoGiN:Bob", "Bob"],
    ["login:a_1\n2", "a_1"],
    ["login:abc\u00e9", "abc"],
  ])("[CL1] %j logs in %j", async (frame, name) => {
    await using client = await ClassicClient.open(url());
    client.send(frame);
    expect(await client.received.next()).toBe("notice:success");
    expect(await client.received.next()).toBe(`msg:welcome ${name}`);
    expect((await client.list()).get(client.address)).toBe(name);
    expect(client.received.log[2]).toStartWith("users:{");
  });

  test.each([
    "login:ab",
    "login:",
    "login",
    "login: alice",
    "login:\u5f20\u4e09\u4e30",
    "login;alice",
    "xlogin:alice",
    "\nlogin:alice",
  ])("[CL1] %j is no login", async (frame) => {
    await using client = await ClassicClient.open(url());
    client.send(frame);
    client.send("chat:<127.0.0.1:1>:marker");
    expect(await client.received.next()).toBe("notice:failed:login");
    expect(client.received.log).toHaveLength(1);
  });

  test("a binary frame that holds UTF-8 is read like text; another one is ignored", async () => {
    await using client = await ClassicClient.open(url());
    client.socket.sendFrame(Buffer.from([0xff, 0xfe, 0x6c]), { opcode: opcode.binary });
    const name = visitorName();
    client.socket.sendFrame(Buffer.from(`login:${name}`), { opcode: opcode.binary });
    expect(await client.received.next()).toBe("notice:success");
    await client.next(`msg:welcome ${name}`);
  });

  test("[CL2] a second login is ignored, and two connections may bear one name", async () => {
    const name = visitorName();
    await using first = await ClassicClient.login(url(), name);
    await using second = await ClassicClient.login(url(), name);
    first.send("login:another_name");
    await first.settled();
    expect(first.received.log.filter((text) => text === "notice:success")).toHaveLength(1);
    const last = second.received.log.filter((text) => text.startsWith("users:")).at(-1) ?? "";
    expect(last).toContain(`"${first.address}":"${name}"`);
    expect(last).toContain(`"${second.address}":"${name}"`);
    expect(last).not.toContain("another_name");
  });
}

function listTests(url: () => string): void {
  test("[CL3] every classic user sees every other, whichever workers hold them, in order of login", async () => {
    const clients: ClassicClient[] = [];
    for (let count = 0; count < 8; count += 1) clients.push(await ClassicClient.login(url(), visitorName()));
    const addresses = clients.map(({ address }) => address);
    for (const client of clients) {
      const isComplete = (users: Map<string, string>): boolean =>
        addresses.every((address) => users.has(address));
      const known = client.received.log.filter((text) => text.startsWith("users:")).at(-1) ?? "users:{}";
      const last = new Map(Object.entries(JSON.parse(known.slice(6)) as Record<string, string>));
      const users = isComplete(last) ? last : await client.list(isComplete);
      expect([...users.keys()].filter((address) => addresses.includes(address))).toEqual(addresses);
    }
    const [gone, ...others] = clients;
    await gone?.close();
    for (const client of others) await client.list((users) => !users.has(gone?.address ?? ""));
    await Promise.all(others.map((client) => client.close()));
  });

  test("[CL3] the list that holds a newcomer comes before a message of that newcomer", async () => {
    await using early = await ClassicClient.login(url(), visitorName());
    for (let round = 0; round < 20; round += 1) {
      await using newcomer = await ClassicClient.open(url());
      newcomer.send(`login:${visitorName()}`);
      newcomer.send(`chat:<${early.address}>:round ${round}`);
      await early.next(`msg:round ${round}`);
      const before = early.received.log.slice(0, early.received.log.indexOf(`msg:round ${round}`));
      const list = before.filter((text) => text.startsWith("users:")).at(-1);
      expect(list).toContain(`"${newcomer.address}"`);
    }
  });
}

function chatTests(url: () => string): void {
  test.each([
    ["two marks", "a>:b>:c"],
    ["nothing", ""],
    ["line breaks", "one\ntwo\r\n\nthree"],
    ["a frame of its own", "chat:<1.2.3.4:5>:users:{}"],
    ["HTML", "<b onclick=x>&amp;"],
    ["emoji", "\u{1f468}\u200d\u{1f469} \u4f60\u597d"],
  ])("[CL4] the text is everything after the first >: and arrives whole: %s", async (_, text) => {
    await using ann = await ClassicClient.login(url(), visitorName());
    await using ben = await ClassicClient.login(url(), visitorName());
    ann.send(`ChAt:<${ben.address}>:${text}`);
    await ben.next(`msg:${text}`);
  });

  test("[CL4] messages reach any of many users, in the order sent", async () => {
    const clients = await Promise.all(
      Array.from({ length: 6 }, () => ClassicClient.login(url(), visitorName())),
    );
    for (const sender of clients) {
      for (const receiver of clients) {
        for (const part of [1, 2, 3]) sender.send(`chat:<${receiver.address}>:${sender.address} ${part}`);
      }
    }
    for (const receiver of clients) {
      for (const sender of clients) {
        for (const part of [1, 2, 3]) await receiver.next(`msg:${sender.address} ${part}`);
        const ofSender = receiver.received.log.filter((text) => text.startsWith(`msg:${sender.address} `));
        expect(ofSender).toEqual([1, 2, 3].map((part) => `msg:${sender.address} ${part}`));
      }
    }
    await Promise.all(clients.map((client) => client.close()));
  });

  test("[CL4] who was told notice:success can be written to at once, from every worker", async () => {
    const senders = await Promise.all(
      Array.from({ length: 8 }, () => ClassicClient.login(url(), visitorName())),
    );
    for (let round = 0; round < 20; round += 1) {
      await using newcomer = await ClassicClient.open(url());
      newcomer.send(`login:${visitorName()}`);
      await newcomer.next("notice:success");
      for (const [index, sender] of senders.entries()) {
        for (const part of [1, 2]) sender.send(`chat:<${newcomer.address}>:from ${index}, part ${part}`);
      }
      for (const index of senders.keys()) {
        for (const part of [1, 2]) await newcomer.next(`msg:from ${index}, part ${part}`);
      }
    }
    for (const sender of senders) expect(sender.received.log).not.toContain("notice:failed:offline");
    await Promise.all(senders.map((sender) => sender.close()));
  });

  test("[CL7] a chat to somebody who closed this moment is answered with offline, from every worker", async () => {
    const senders = await Promise.all(
      Array.from({ length: 8 }, () => ClassicClient.login(url(), visitorName())),
    );
    for (let round = 0; round < 20; round += 1) {
      const gone = await ClassicClient.login(url(), visitorName());
      const { address } = gone;
      await gone.close();
      for (const sender of senders) sender.send(`chat:<${address}>:too late`);
      for (const sender of senders) await sender.next("notice:failed:offline");
    }
    await Promise.all(senders.map((sender) => sender.close()));
  });

  test("[CL5] msg:nihao is answered with the name, other words are not", async () => {
    const name = visitorName();
    await using ann = await ClassicClient.login(url(), name);
    for (const word of ["msg:Nihao", "msg:nihao ", "msg:", "msg:hello", "msg:nihao"]) ann.send(word);
    await ann.settled();
    expect(ann.received.log.filter((text) => text.startsWith("msg:nihao"))).toEqual([`msg:nihao ${name}`]);
    expect(ann.received.log.filter((text) => text.startsWith("notice:failed"))).toEqual([]);
  });

  test("[CL6] before login nothing is delivered", async () => {
    await using ben = await ClassicClient.login(url(), visitorName());
    await using stranger = await ClassicClient.open(url());
    stranger.send(`chat:<${ben.address}>:sneaky`);
    expect(await stranger.received.next()).toBe("notice:failed:login");
    await ben.settled();
    expect(ben.received.log).not.toContain("msg:sneaky");
  });

  test("[CL7] a chat to somebody who left, or never was, is answered with offline", async () => {
    await using ann = await ClassicClient.login(url(), visitorName());
    const gone = await ClassicClient.login(url(), visitorName());
    await ann.list((users) => users.has(gone.address));
    await gone.close();
    await ann.list((users) => !users.has(gone.address));
    for (const address of [gone.address, "127.0.0.1:1", "", "nonsense", "__proto__", "<>", "240.0.0.0:0"]) {
      ann.send(`chat:<${address}>:hello`);
      await ann.next("notice:failed:offline");
    }
  });

  test("[CL8] anything else is ignored", async () => {
    await using ann = await ClassicClient.login(url(), visitorName());
    const seen = ann.received.log.length;
    const others = [
      "",
      "hello",
      "chat",
      "chat:",
      "chat:<",
      "chat:<a",
      "chat:a>:b",
      "users:{}",
      "msg",
      "notice:success",
      '{"type":"ping"}',
    ];
    for (const frame of others) ann.send(frame);
    ann.socket.sendFrame(Buffer.from([0xc3, 0x28]), { opcode: opcode.binary });
    await ann.settled();
    expect(ann.received.log.slice(seen).filter((text) => !text.startsWith("users:"))).toHaveLength(1);
  });
}

function limitTests(url: () => string): void {
  test("[CL9] frames above the rate are refused with too_fast, then the connection is closed", async () => {
    const ann = await ClassicClient.login(url(), visitorName());
    const flood = defaultLimits.framesBurst + defaultLimits.framesRefused + 2000;
    for (let count = 0; count < flood; count += 1) ann.send("msg:x");
    await ann.next("notice:failed:too_fast");
    expect(await ann.socket.whenClosed()).toBe(closeTable.too_fast.code);
  });

  test("[CL9] a frame above frameBytes closes with 1009, before login one above helloBytes with its own code", async () => {
    const ann = await ClassicClient.login(url(), visitorName());
    ann.send(`chat:<${ann.address}>:${"x".repeat(defaultLimits.frameBytes)}`);
    expect(await ann.socket.whenClosed()).toBe(1009);
    const stranger = await ClassicClient.open(url());
    stranger.send("x".repeat(defaultLimits.helloBytes + 1));
    expect(await stranger.socket.whenClosed()).toBe(closeTable.unauthenticated_limit.code);
  });
}

function mixedTests(url: () => string): void {
  test("[CL10] a v1 user stands in the list under an invented address, and reads what is written to it", async () => {
    await using visitor = await ClassicClient.login(url(), visitorName());
    await using ben = await Peer.connect(url());
    const address = await visitor.addressOf(ben.name);
    expect(address).toMatch(/^2(4\d|5[0-5])\.\d+\.\d+\.\d+:\d+$/);
    visitor.send(`chat:<${address}>:from the tutorial`);
    const event = await ben.next("event");
    expect(event).toMatchObject({ seq: 1, kind: "message", body: textBody("from the tutorial") });
    const summary = (await ben.ask({ type: "open", conversation: event.conversation }, "conversation"))
      .conversation;
    expect(summary).toMatchObject({ peer: { id: event.from, kind: "classic" }, unread: 1 });
    expect(
      (await ben.ask({ type: "history", conversation: event.conversation }, "history")).events,
    ).toHaveLength(1);
  });

  test("[CL10] what a v1 user writes to a classic user arrives as msg:", async () => {
    await using ben = await Peer.connect(url());
    const name = visitorName();
    await using visitor = await ClassicClient.login(url(), name);
    const isVisitor = (user: { name: string; kind: string }): boolean =>
      user.kind === "classic" && user.name === name;
    const change = await ben.next("lobby-change", ({ joined }) => joined.some(isVisitor));
    const conversation = await ben.open(change.joined.find(isVisitor)?.id ?? "");
    await ben.say(conversation.id, "to the tutorial >: whole");
    await visitor.next("msg:to the tutorial >: whole");
    await ben.edit(conversation.id, 1, "edited");
    await ben.say(conversation.id, "marker");
    await visitor.next("msg:marker");
    visitor.send(`chat:<${await visitor.addressOf(ben.name)}>:answer`);
    expect(await ben.next("event")).toMatchObject({
      conversation: conversation.id,
      seq: 4,
      body: textBody("answer"),
    });
  });

  test("[CL10] text above textCharacters to a v1 user is refused with too_long", async () => {
    await using visitor = await ClassicClient.login(url(), visitorName());
    await using ben = await Peer.connect(url());
    const address = await visitor.addressOf(ben.name);
    visitor.send(`chat:<${address}>:${"x".repeat(defaultLimits.textCharacters + 1)}`);
    await visitor.next("notice:failed:too_long");
    visitor.send(`chat:<${address}>:marker`);
    expect((await ben.next("event")).body).toEqual(textBody("marker"));
  });

  test("[CL10] <, > and & in names of v1 users are shown as their full-width forms", async () => {
    await using visitor = await ClassicClient.login(url(), visitorName());
    const name = `<b>&${freshName("").trim()}`;
    await using ben = await Peer.connect(url(), { nickname: name });
    expect(ben.name).toBe(name);
    expect(
      await visitor.addressOf(name.replace("<", "\uff1c").replace(">", "\uff1e").replace("&", "\uff06")),
    ).not.toBe("");
    const lists = visitor.received.log.filter((text) => text.startsWith("users:"));
    expect(lists.join("")).not.toMatch(/[<>&]/);
  });

  test("[CL10] the list never shows the real address of a v1 user, nor the same invented one for two", async () => {
    await using visitor = await ClassicClient.login(url(), visitorName());
    const peers = await Promise.all([1, 2, 3].map(() => Peer.connect(url())));
    const addresses = await Promise.all(peers.map(({ name }) => visitor.addressOf(name)));
    expect(new Set(addresses).size).toBe(3);
    for (const address of addresses) expect(address).not.toStartWith("127.");
    await Promise.all(peers.map((peer) => peer.close()));
  });
}

function goneTests(url: () => string): void {
  test("[CL11] a classic user is gone for good with the connection: recipient_gone", async () => {
    await using ben = await Peer.connect(url());
    const visitor = await ClassicClient.login(url(), visitorName());
    visitor.send(`chat:<${await visitor.addressOf(ben.name)}>:bye`);
    const { conversation, from } = await ben.next("event");
    await ben.next("lobby-change", ({ joined }) => joined.some(({ id }) => id === from));
    await visitor.close();
    await ben.next("lobby-change", ({ left }) => left.includes(from));
    const id = Bun.randomUUIDv7();
    const reply = await ben.write({ type: "send", id, conversation, body: textBody("too late") });
    expect(reply).toMatchObject({ type: "error", code: "recipient_gone" });
    const { events } = await ben.ask({ type: "history", conversation }, "history");
    expect(events.map(({ body }) => body?.text)).toEqual(["bye"]);
    const search = await ben.ask({ type: "search", query: "v_" }, "users");
    expect(search.users.filter((user) => user.id === from)).toEqual([]);
  });
}

function repeatTests(url: () => string): void {
  test("[CV6] a repeat of a message to a classic user who has left since gets its first ack", async () => {
    await using ben = await Peer.connect(url());
    const visitor = await ClassicClient.login(url(), visitorName());
    visitor.send(`chat:<${await visitor.addressOf(ben.name)}>:hello`);
    const { conversation, from } = await ben.next("event");
    const send = {
      type: "send",
      id: Bun.randomUUIDv7(),
      conversation,
      body: textBody("hello to you"),
    } as const;
    const first = await ben.write(send);
    expect(first).toMatchObject({ type: "ack", seq: 2 });
    await visitor.close();
    await ben.next("lobby-change", ({ left }) => left.includes(from));
    expect(await ben.write(send)).toMatchObject({ type: "ack", seq: 2, duplicate: true });
  });
}

export function storageTest(getServer: () => { url: string; readStored: () => string }): void {
  describe("storage", () => {
    test("[CL12] between two classic users nothing is stored", async () => {
      const { url, readStored } = getServer();
      await using ann = await ClassicClient.login(url, visitorName());
      await using ben = await ClassicClient.login(url, visitorName());
      ann.send(`chat:<${ben.address}>:only between us two`);
      await ben.next("msg:only between us two");
      await using peer = await Peer.connect(url);
      ann.send(`chat:<${await ann.addressOf(peer.name)}>:this one is kept`);
      await peer.next("event");
      const stored = readStored();
      expect(stored).toContain("this one is kept");
      expect(stored).not.toContain("only between us two");
    });
  });
}
