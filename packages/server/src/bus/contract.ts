/** The contract of the link between nodes (ports/node-link.ts), as a suite that every adapter runs. It uses the port only. */
import { describe, expect, test } from "bun:test";
import { Inbox } from "@duologue/testing";
import type { NodeLink } from "../ports/node-link.ts";

/** More than any of this takes, and less than a test may. */
const PATIENCE_MS = 4_000;

export interface LinkFixture extends AsyncDisposable {
  /** One more node on the same bus. */
  connect(): Promise<NodeLink>;
  /** Resolves when no node has a connection. */
  breakBus(): Promise<void>;
  mendBus(): Promise<void>;
}

type MakeFixture = () => Promise<LinkFixture>;

/** Two nodes, and what the second one hears on a subject. */
async function pairOn(fixture: LinkFixture, subject = "u.bob") {
  const [alice, bob] = [await fixture.connect(), await fixture.connect()];
  const heard = new Inbox<string>("second node", (text) => text);
  const subscription = bob.subscribe(subject, (payload) => heard.push(payload));
  await bob.settle(PATIENCE_MS);
  return { alice, bob, heard, subscription };
}

export function nodeLinkContract(name: string, make: MakeFixture): void {
  describe(`contract of the link between nodes: ${name}`, () => {
    publishing(make);
    asking(make);
    breaking(make);
  });
}

function publishing(make: MakeFixture): void {
  test("what is published reaches every other node that subscribed the subject, and nobody else", async () => {
    await using fixture = await make();
    const { alice, heard } = await pairOn(fixture);
    const third = await fixture.connect();
    const others: string[] = [];
    third.subscribe("u.bob", (payload) => heard.push(`third ${payload}`));
    third.subscribe("u.bobby", (payload) => others.push(payload));
    await third.settle(PATIENCE_MS);
    expect(alice.publish("u.bob", "grüße 👋")).toBe(true);
    const both = [await heard.next(), await heard.next()];
    expect(both.sort()).toEqual(["grüße 👋", "third grüße 👋"]);
    expect(others).toEqual([]);
  });

  test("one node's notes on a subject arrive in order", async () => {
    await using fixture = await make();
    const { alice, heard } = await pairOn(fixture);
    for (let index = 0; index < 500; index += 1) alice.publish("u.bob", `${index}`);
    await heard.next((text) => text === "499");
    expect(heard.log).toEqual(Array.from({ length: 500 }, (_, index) => `${index}`));
  });

  test("a node does not hear itself", async () => {
    await using fixture = await make();
    const { alice, bob, heard } = await pairOn(fixture);
    bob.publish("u.bob", "own");
    await bob.settle(PATIENCE_MS);
    alice.publish("u.bob", "other");
    expect(await heard.next()).toBe("other");
  });

  test("a closed subscription hears nothing more, another one of the same subject does", async () => {
    await using fixture = await make();
    const { alice, bob, heard, subscription } = await pairOn(fixture);
    const second: string[] = [];
    const own = bob.subscribe("u.bob", (payload) => second.push(payload));
    own.close();
    own.close();
    await bob.settle(PATIENCE_MS);
    alice.publish("u.bob", "one");
    await heard.next();
    subscription.close();
    bob.subscribe("u.other", (payload) => heard.push(payload));
    await bob.settle(PATIENCE_MS);
    alice.publish("u.bob", "two");
    alice.publish("u.other", "three");
    expect(await heard.next()).toBe("three");
    expect(second).toEqual([]);
  });

  test("a receiver that throws harms neither the others nor what comes next", async () => {
    await using fixture = await make();
    const { alice, bob, heard } = await pairOn(fixture);
    bob.subscribe("u.trap", () => {
      throw new TypeError("a receiver's own fault");
    });
    await bob.settle(PATIENCE_MS);
    alice.publish("u.trap", "x");
    alice.publish("u.bob", "after");
    expect(await heard.next()).toBe("after");
  });

  test("what is longer than a payload may be is dropped and counted", async () => {
    await using fixture = await make();
    const { alice, heard } = await pairOn(fixture);
    // In bytes: each of these characters takes two.
    const long = "ü".repeat(alice.maxPayloadBytes / 2 + 1);
    expect(alice.publish("u.bob", long)).toBe(false);
    expect(alice.publish("u.bob", long.slice(1))).toBe(true);
    expect((await heard.next()).length).toBe(alice.maxPayloadBytes / 2);
    expect(alice.dropped).toBe(1);
  });
}

function asking(make: MakeFixture): void {
  test("a request is answered by another node", async () => {
    await using fixture = await make();
    const [alice, bob] = [await fixture.connect(), await fixture.connect()];
    bob.subscribe("name.x", (payload, answer) => answer?.(`${payload}!`));
    await bob.settle(PATIENCE_MS);
    expect(await alice.request("name.x", "who", PATIENCE_MS)).toEqual({ kind: "answered", payload: "who!" });
  });

  test("what is published brings no way to answer", async () => {
    await using fixture = await make();
    const [alice, bob] = [await fixture.connect(), await fixture.connect()];
    const asked = new Inbox<boolean>("second node", String);
    bob.subscribe("name.x", (_, answer) => asked.push(answer !== undefined));
    await bob.settle(PATIENCE_MS);
    alice.publish("name.x", "no question");
    expect(await asked.next()).toBe(false);
  });

  test("a request on a subject that nobody else has subscribed is answered at once with nobody", async () => {
    await using fixture = await make();
    const [alice] = [await fixture.connect(), await fixture.connect()];
    expect(await alice.request("name.y", "who", PATIENCE_MS)).toEqual({ kind: "nobody" });
    alice.subscribe("name.y", (_, answer) => answer?.("I"));
    await alice.settle(PATIENCE_MS);
    expect(await alice.request("name.y", "who", PATIENCE_MS)).toEqual({ kind: "nobody" });
  });

  test("a request that is heard and not answered ends as unknown after its time", async () => {
    await using fixture = await make();
    const { alice, heard } = await pairOn(fixture, "name.z");
    expect(await alice.request("name.z", "who", 50)).toEqual({ kind: "unknown" });
    expect(heard.log).toEqual(["who"]);
  });

  test("too long a request is unknown at once", async () => {
    await using fixture = await make();
    const { alice } = await pairOn(fixture, "name.z");
    const long = "x".repeat(alice.maxPayloadBytes + 1);
    expect(await alice.request("name.z", long, PATIENCE_MS * 10)).toEqual({ kind: "unknown" });
  });
}

function breaking(make: MakeFixture): void {
  test("while there is no connection everything is dropped, counted, and asks end as unknown", async () => {
    await using fixture = await make();
    const { alice, heard } = await pairOn(fixture);
    expect(alice.isConnected).toBe(true);
    await fixture.breakBus();
    expect(alice.isConnected).toBe(false);
    expect(alice.publish("u.bob", "lost")).toBe(false);
    expect(alice.dropped).toBe(1);
    expect(await alice.request("u.bob", "lost", PATIENCE_MS)).toEqual({ kind: "unknown" });
    await alice.settle(PATIENCE_MS);
    expect(heard.log).toEqual([]);
  });

  test("after the return every subscription holds again, also those made meanwhile, before onReturn is called", async () => {
    await using fixture = await make();
    const { alice, bob, heard, subscription } = await pairOn(fixture);
    const returns = new Inbox<string>("returns", (node) => node);
    alice.onReturn(() => returns.push("alice"));
    bob.onReturn(() => returns.push("bob"));
    await fixture.breakBus();
    alice.publish("u.bob", "lost");
    bob.subscribe("u.late", (payload) => heard.push(payload));
    bob.subscribe("u.closed", (payload) => heard.push(payload)).close();
    await fixture.mendBus();
    await Promise.all([
      returns.next((node) => node === "alice", "return", 10_000),
      returns.next((node) => node === "bob", "return", 10_000),
    ]);
    for (const subject of ["u.closed", "u.bob", "u.late"]) alice.publish(subject, subject);
    expect([await heard.next(), await heard.next()]).toEqual(["u.bob", "u.late"]);
    subscription.close();
    expect([alice.isConnected, returns.log.length]).toEqual([true, 2]);
  });
}
