/** The end of a run: what the clients show and what they logged, held against what is stored. */

import type { Client, TimelineEntry } from "@duologue/client";
import type { Conversation, ConversationEvent } from "@duologue/protocol";
import type { SqliteReader } from "duologue";
import { compare, type Witness } from "./witness.ts";

/** Two devices may change the same message at the same time, and one of them comes too late. */
const RIGHTLY_REFUSED = new Set(["target_invalid"]);

const PREVIEW_CHARACTERS = 200;

interface Truth {
  readonly id: string;
  readonly users: readonly [string, string];
  readonly events: readonly ConversationEvent[];
}

/** What is looked at of a tab. */
export interface JudgedTab {
  readonly life: { readonly name: string };
  readonly client: Pick<Client, "lobby" | "conversations" | "conversation" | "timeline">;
  readonly opened: ReadonlySet<string>;
  readonly written: ReadonlyMap<string, readonly string[]>;
  readonly looked: ReadonlyMap<string, number>;
}

export interface JudgedDevice {
  readonly user: string;
  readonly disk: { readonly values: ReadonlyMap<string, string> };
  readonly tabs: readonly JudgedTab[];
  /** Those that are closed too. */
  readonly allTabs: readonly Pick<JudgedTab, "life" | "written">[];
}

export interface Scene {
  readonly reader: Pick<SqliteReader, "history" | "conversation" | "user">;
  readonly witness: Pick<
    Witness,
    "sent" | "acknowledged" | "forgivable" | "ownClaims" | "retractedClaims" | "refusals" | "reach"
  >;
  readonly devices: readonly JudgedDevice[];
  readonly conversations: ReadonlyMap<string, readonly [string, string]>;
}

/** Everything that is not as it should be. */
export async function judge(scene: Scene): Promise<readonly string[]> {
  const problems: string[] = [];
  const truths = await Promise.all(
    [...scene.conversations].map(async ([id, users]) => ({
      id,
      users,
      events: await readAll(scene.reader, id),
    })),
  );
  for (const truth of truths) problems.push(...judgeNumbers(truth), ...judgeContents(truth, scene.witness));
  problems.push(...judgeAcknowledged(truths, scene.witness), ...judgeUnsent(truths, scene));
  problems.push(...judgeOrder(truths, scene), ...judgeClaims(truths, scene.witness));
  for (const truth of truths) problems.push(...(await judgeMarkers(truth, scene)));
  for (const { user, tabs } of scene.devices) {
    for (const tab of tabs) problems.push(...(await judgeTab(tab, user, truths, scene)));
  }
  return problems;
}

async function readAll(reader: Scene["reader"], conversation: string): Promise<readonly ConversationEvent[]> {
  const events: ConversationEvent[] = [];
  let before: number | undefined;
  for (;;) {
    const page = await reader.history(conversation, before, 100);
    events.unshift(...page.events);
    before = page.events[0]?.seq;
    if (!page.more || before === undefined) return events;
  }
}

function judgeNumbers({ id, events }: Truth): string[] {
  const problems: string[] = [];
  for (const [index, event] of events.entries()) {
    if (event.seq !== index + 1) problems.push(`${id} has number ${event.seq} in place ${index + 1}`);
  }
  const ids = new Set(events.map((event) => `${event.from} ${event.id}`));
  if (ids.size !== events.length) problems.push(`${id} holds a message twice`);
  return problems;
}

function judgeContents({ id, events }: Truth, witness: Scene["witness"]): string[] {
  return events.flatMap((event) => {
    const problem = compare(witness.sent.get(event.id), event);
    return problem === undefined ? [] : [`${id} ${event.seq} ${problem}`];
  });
}

function judgeAcknowledged(truths: readonly Truth[], witness: Scene["witness"]): string[] {
  const stored = new Map(truths.flatMap(({ events }) => events.map((event) => [event.id, event] as const)));
  return [...witness.acknowledged].flatMap(([id, { conversation, seq }]) => {
    const event = stored.get(id);
    if (event === undefined) return [`${id} was acknowledged as ${seq} and is not there`];
    if (event.seq !== seq || event.conversation !== conversation)
      return [`${id} was acknowledged as ${seq} and is ${event.seq}`];
    return [];
  });
}

/** What was written is there, or its device says that it was refused, and rightly. */
function judgeUnsent(truths: readonly Truth[], { witness, devices }: Scene): string[] {
  const problems: string[] = [];
  const stored = new Set(truths.flatMap(({ events }) => events.map(({ id }) => id)));
  const waiting = new Map(devices.flatMap((device) => [...outboxOf(device)]));
  for (const [id, code] of waiting) {
    // A crash may have brought back what was removed from the disk when it was acknowledged.
    if (stored.has(id)) continue;
    if (code === undefined) problems.push(`${id} still waits to be sent`);
    else if (!RIGHTLY_REFUSED.has(code)) problems.push(`${id} was refused: ${code}`);
  }
  for (const [id, { frame }] of witness.sent) {
    if (!stored.has(id) && !waiting.has(id) && !witness.forgivable.has(id))
      problems.push(`${frame.type} ${id} was written, and is nowhere`);
  }
  return problems;
}

/** Id → code of the refusal; undefined for what is to be sent yet. */
export function outboxOf(device: Pick<JudgedDevice, "disk">): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const [key, text] of device.disk.values) {
    if (!key.startsWith("outbox/")) continue;
    const { frame, state } = JSON.parse(text) as {
      frame: { id: string };
      state: { kind: string; error?: { code: string } };
    };
    found.set(frame.id, state.kind === "failed" ? state.error?.code : undefined);
  }
  return found;
}

/**
 * What one tab wrote to one conversation stands in the order in which it was written, but for what was on its way when
 * the store refused an earlier one.
 */
function judgeOrder(truths: readonly Truth[], { devices, witness }: Scene): string[] {
  const tabs = devices.flatMap(({ allTabs }) => allTabs);
  return truths.flatMap(({ id, events }) => {
    const seqs = new Map(events.map((event) => [event.id, event.seq]));
    return tabs.flatMap(({ life, written }) => {
      // What one tab has discarded, and another one sent all the same, stands where that put it.
      const stored = (written.get(id) ?? []).filter(
        (message) => seqs.has(message) && !witness.forgivable.has(message),
      );
      const overtakes = (later: string, earlier: string): boolean =>
        (seqs.get(later) ?? 0) < (seqs.get(earlier) ?? 0) && !witness.refusals.excuse(earlier, later);
      const isRight = stored.every((later, index) =>
        stored.slice(0, index).every((earlier) => !overtakes(later, earlier)),
      );
      const order = stored.map((message) => seqs.get(message)).join(" ");
      return isRight ? [] : [`${life.name} wrote to ${id} in another order: ${order}`];
    });
  });
}

/** What was said on the way, and can only be known in the end. */
function judgeClaims(
  truths: readonly Truth[],
  { ownClaims, retractedClaims }: Scene["witness"],
): readonly string[] {
  const problems: string[] = [];
  for (const { user, conversation, seq } of ownClaims) {
    const event = truths.find(({ id }) => id === conversation)?.events[seq - 1];
    if (event?.from !== user) problems.push(`${user} was said to be at ${seq} of ${conversation}`);
  }
  for (const { events } of truths) {
    for (const { id, retracted } of events)
      if (retractedClaims.has(id) && retracted !== true)
        problems.push(`${id} was taken for the same with another text`);
  }
  return problems;
}

async function judgeMarkers(
  { id, users, events }: Truth,
  { reader, witness, devices }: Scene,
): Promise<string[]> {
  const problems: string[] = [];
  for (const user of users) {
    const stored = await reader.conversation(user, id);
    const { told, looked } = witness.reach(user, id);
    const own = events.findLast(({ from }) => from === user)?.seq ?? 0;
    const { delivered = 0, read = 0 } = stored?.mine ?? {};
    if (read > Math.max(looked, own))
      problems.push(`${user} has read ${id} up to ${read}, and looked up to ${looked}`);
    if (delivered > Math.max(told, own))
      problems.push(`${user} has ${delivered} of ${id}, and was told ${told}`);
    if (read > delivered || delivered > events.length) problems.push(`markers of ${user} in ${id} run ahead`);
    const here = devices.filter((device) => device.user === user).flatMap(({ tabs }) => tabs);
    if (here.length > 0 && (stored?.unread ?? 0) > 0 && delivered < events.length)
      problems.push(`${user} has got all of ${id}, and is said to have ${delivered} of ${events.length}`);
    for (const { life, looked: lookedHere } of here) {
      const looked = lookedHere.get(id) ?? 0;
      if (looked > read) problems.push(`${life.name} looked at ${id} up to ${looked}, and has read ${read}`);
    }
  }
  return problems;
}

async function judgeTab(
  { client, life, opened }: JudgedTab,
  user: string,
  truths: readonly Truth[],
  scene: Scene,
): Promise<string[]> {
  const own = truths.filter(({ users }) => users.includes(user));
  const problems: string[] = [];
  const say = (what: string, seen: unknown, expected: unknown): void => {
    const [one, other] = [JSON.stringify(seen), JSON.stringify(expected)];
    if (one !== other) problems.push(`${life.name}: ${what} is ${one}, not ${other}`);
  };
  const online = new Set(scene.devices.flatMap((device) => (device.tabs.length > 0 ? [device.user] : [])));
  const { users, count } = client.lobby;
  say("how many are online", count, online.size);
  if (users !== undefined) {
    const named = await Promise.all([...online].sort().map((id) => scene.reader.user(id)));
    say(
      "who is online",
      [...users.values()].map(({ id, name }) => `${id} ${name}`).sort(),
      named.map((known) => `${known?.id} ${known?.name}`),
    );
  }
  const listed = client.conversations.filter(({ lastSeq }) => lastSeq > 0).map(({ id }) => id);
  say("the list", listed.sort(), own.flatMap(({ id, events }) => (events.length > 0 ? [id] : [])).sort());
  for (const truth of own) {
    const stored = await scene.reader.conversation(user, truth.id);
    const view = client.conversation(truth.id);
    if (stored === undefined || view === undefined) continue;
    const { lastSeq, unread, mine, theirs, lastMessage } = stored;
    say(
      `the summary of ${truth.id}`,
      [view.lastSeq, view.unread, view.mine, view.theirs, view.lastMessage?.seq, previewOf(view.lastMessage)],
      [lastSeq, unread, mine, theirs, lastMessage?.seq, previewOf(lastMessage)],
    );
    say(`typing in ${truth.id}`, view.typing, false);
    if (lastSeq > 0) say(`the other one in ${truth.id}`, view.online, online.has(view.peer.id));
    if (!opened.has(truth.id)) continue;
    const entries = client.timeline(truth.id).entries.filter(({ seq }) => seq !== undefined);
    const expected = expectedOf(truth, user, theirs);
    say(`the number of messages of ${truth.id}`, entries.length, expected.length);
    for (const [index, entry] of entries.entries())
      say(`message ${index + 1} of ${truth.id}`, outline(entry), expected[index]);
  }
  return problems;
}

/** A summary holds the beginning of the last message (SPEC HS4); what came as an event is whole. */
function previewOf(message: Conversation["lastMessage"]): string | undefined {
  return message?.body?.text?.slice(0, PREVIEW_CHARACTERS);
}

function outline({ id, seq, from, body, edited, retracted, state, replyTo }: TimelineEntry): unknown {
  return [id, seq, from, body?.text, edited, retracted, state, replyTo];
}

function expectedOf(
  { events }: Truth,
  user: string,
  theirs: { readonly delivered: number; readonly read: number },
): readonly unknown[] {
  return events.flatMap((event) => {
    if (event.kind !== "message") return [];
    const { id, seq, from, replyTo } = event;
    const changes = events.filter(({ target }) => target === seq);
    const retracted = changes.some(({ kind }) => kind === "retract");
    const edit = changes.findLast(({ kind }) => kind === "edit");
    const text = retracted ? undefined : (edit?.body ?? event.body)?.text;
    const receipt = theirs.read >= seq ? "read" : theirs.delivered >= seq ? "delivered" : "sent";
    const state = from === user ? receipt : "received";
    return [[id, seq, from, text, !retracted && edit !== undefined, retracted, state, replyTo]];
  });
}
