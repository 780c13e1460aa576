/**
 * The judge of everything that is broken on purpose. It knows what each device sent and was told, reads the conversation
 * anew on both sides, and says what the delivery contract does not allow:
 *
 * - an acknowledged message is there exactly once, under the number that was told, with the text that was sent;
 * - the numbers of a conversation are 1…N without a hole, for both sides;
 * - every device was told, and shows, that same order;
 * - nothing is there that nobody sent, and nothing twice;
 * - edits and retractions are there once, and every device shows what came of them (changes.ts);
 * - a repeat of a message or a change gets the first one's number, and the same id with another content is refused;
 * - the unread count is that of the other side's standing messages after the read marker; every device has the same
 *   markers and count, and where everybody has looked at everything, all is read;
 * - read markers are not ahead of delivered ones, nor those of the last number (nor, while it ran, of what the user's
 *   devices had been told: `Horizon`).
 */
import { isDeepStrictEqual } from "node:util";
import {
  type ClientFrameOf,
  type Conversation,
  type ConversationEvent,
  defaultLimits,
} from "@duologue/protocol";
import { elapsed } from "@duologue/testing";
import { freshId, Peer, type Request, textBody } from "../harness/peer.ts";
import { type Change, type Shown, toShown } from "../harness/shown.ts";
import type { Talker } from "../harness/traffic.ts";
import { Horizon, WireLog } from "../harness/wire-log.ts";
import { expectedShown, judgeChanges } from "./changes.ts";

/** What one device says. */
export interface Testimony {
  readonly device: string;
  readonly user: string;
  /** Every text that this device may have sent, acknowledged or not; no two are the same. */
  readonly texts: readonly string[];
  /** Texts that it took back; or may have sent, but that died with it if it had not. */
  readonly mayBeAbsent?: readonly string[];
  /** Every edit and retraction that this device has sent, acknowledged or not. */
  readonly changes?: readonly Change[];
  /** Those that it may have sent, but that died with it if it had not. */
  readonly mayBeUnchanged?: readonly Change[];
  /** Message id → number. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Number → message id. */
  readonly received: ReadonlyMap<number, string>;
  /** The messages that it shows at the end, in its order; undefined for one that has no page any more. */
  readonly shown: readonly Shown[] | undefined;
  /** What its list says of the conversation, if it has a list, and everything had come to rest. */
  readonly reading?: Reading | undefined;
  /** Contradictions in what it was told. */
  readonly contradictions: readonly string[];
  /** Whether everything it sent must be there: false for one that died with unsent messages and no storage. */
  readonly isComplete: boolean;
}

export type Reading = Pick<Conversation, "mine" | "theirs" | "unread">;

export interface Case {
  readonly url: string;
  readonly conversation: string;
  /** One of each side, by user id. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly devices: readonly Testimony[];
  /** Both have looked at everything. */
  readonly isRead?: boolean;
}

export interface Verdict {
  readonly messages: number;
  readonly acknowledged: number;
  /** Sends repeated by the judge. */
  readonly repeats: number;
  readonly violations: readonly string[];
}

/** Of one kind; the rest of a flood of them says nothing new. */
const SHOWN_VIOLATIONS = 20;

type Written = ClientFrameOf<"send"> | ClientFrameOf<"edit"> | ClientFrameOf<"retract">;
type Stored = ReadonlyMap<number, ConversationEvent>;

export async function judge(given: Case): Promise<Verdict> {
  const violations: string[] = [];
  const complain = (text: string): void => {
    if (violations.length < SHOWN_VIOLATIONS) violations.push(`${given.conversation}: ${text}`);
  };
  const sides = await Promise.all(
    [...given.tokens].map(([user, token]) => readSide(given, user, token, complain)),
  );
  const stored = sides[0]?.stored ?? new Map();
  for (const side of sides.slice(1)) compareSides(stored, side.stored, complain);
  judgeNumbers(stored, complain);
  judgeTexts(stored, given.devices, complain);
  judgeChanges(stored, given.devices, complain);
  for (const side of sides) judgeReading(side, given, complain);
  for (const device of given.devices) judgeDevice(device, stored, complain);
  let repeats = 0;
  for (const [user, token] of given.tokens) repeats += await repeat(given, stored, { user, token }, complain);
  const acknowledged = given.devices.reduce((sum, device) => sum + device.acknowledged.size, 0);
  return { messages: stored.size, acknowledged, repeats, violations };
}

/** The sum of several. */
export function combine(verdicts: readonly Verdict[]): Verdict {
  const sum = (pick: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + pick(verdict), 0);
  return {
    messages: sum(({ messages }) => messages),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    repeats: sum(({ repeats }) => repeats),
    violations: verdicts.flatMap(({ violations }) => violations),
  };
}

/** `isThere`: it still shows something. `isComplete`: see Testimony. */
export function testimonyOf(
  talker: Talker,
  { isThere, isComplete } = { isThere: true, isComplete: true },
): Testimony {
  const { client, log } = talker;
  return {
    device: talker.name,
    user: client.me?.id ?? "",
    texts: [...talker.texts.values()].filter((text) => !talker.retracted.includes(text)),
    mayBeAbsent: talker.retracted,
    changes: talker.changes,
    acknowledged: log.acknowledged,
    received: log.received,
    shown: isThere ? client.timeline(talker.conversation).entries.map(toShown) : undefined,
    reading: isThere ? client.conversation(talker.conversation) : undefined,
    contradictions: log.contradictions,
    isComplete,
  };
}

/** Of a client without a state of its own, which shows nothing. `texts`: what it was made to send. */
export function testimonyOfPeer(peer: Peer, texts: readonly string[], log = logOf(peer)): Testimony {
  const { acknowledged, received, contradictions } = log;
  const { name: device, id: user } = peer;
  return { device, user, texts, acknowledged, received, shown: undefined, contradictions, isComplete: true };
}

/** Of what it was told, without regard to when others were. */
function logOf(peer: Peer): WireLog {
  const log = new WireLog(new Horizon("own"));
  for (const frame of peer.frames.log) log.onFrame(frame);
  return log;
}

interface Side {
  readonly user: string;
  readonly stored: Stored;
  readonly reading: Reading;
}

/** The whole history as this side reads it, and its markers. */
async function readSide(
  { url, conversation }: Case,
  user: string,
  token: string,
  complain: (text: string) => void,
): Promise<Side> {
  await using peer = await Peer.connect(url, { token });
  if (peer.id !== user) complain(`the token of ${user} is now that of ${peer.id}`);
  const stored = new Map<number, ConversationEvent>();
  for (let before: number | undefined, more = true; more; ) {
    const page = await ask(peer, {
      type: "history",
      conversation,
      ...(before === undefined ? {} : { before }),
    });
    if (page.type !== "history") throw new Error(`got ${page.type} for history`);
    for (const event of page.events) stored.set(event.seq, event);
    ({ more } = page);
    before = page.events[0]?.seq;
  }
  const answer = await ask(peer, { type: "open", conversation });
  if (answer.type !== "conversation") throw new Error(`got ${answer.type} for open`);
  const { lastSeq, mine, theirs, unread } = answer.conversation;
  if (lastSeq !== stored.size) complain(`the summary of ${user} says ${lastSeq} of ${stored.size} messages`);
  for (const { delivered, read } of [mine, theirs]) {
    if (read > delivered || delivered > lastSeq)
      complain(`markers at read ${read}, delivered ${delivered} of ${lastSeq}`);
  }
  return { user, stored, reading: { mine, theirs, unread } };
}

/** Retryable refusals are retried: the judge may come right after the last fault. */
async function ask(peer: Peer, request: Request): Promise<Awaited<ReturnType<Peer["answer"]>>> {
  for (;;) {
    const answer = await peer.answer(request);
    if (answer.type !== "error" || !answer.retryable) return answer;
    await elapsed(answer.retryAfterMs ?? 100);
  }
}

function compareSides(one: Stored, other: Stored, complain: (text: string) => void): void {
  if (one.size !== other.size) complain(`one side reads ${one.size} messages, the other ${other.size}`);
  // A cursor is each side's own.
  const common = (event: ConversationEvent | undefined): unknown => ({ ...event, cursor: "", prev: "" });
  for (const [seq, event] of one) {
    if (!isDeepStrictEqual(common(other.get(seq)), common(event)))
      complain(`number ${seq} is ${event.id} to one side, not to the other, or not the same`);
  }
}

function judgeReading(
  { user, stored, reading }: Side,
  { devices, isRead }: Case,
  complain: (text: string) => void,
): void {
  const { mine, theirs, unread } = reading;
  const waiting = [...stored.values()].filter(
    ({ from, kind, seq, retracted }) =>
      kind === "message" && from !== user && seq > mine.read && retracted !== true,
  );
  if (unread !== Math.min(waiting.length, defaultLimits.unreadCount))
    complain(`${user} is told of ${unread} unread messages of ${waiting.length}`);
  if (isRead === true && !(mine.read === stored.size && theirs.read === stored.size))
    complain(`${user}: read up to ${mine.read}, the other side ${theirs.read}, of ${stored.size} looked at`);
  for (const device of devices) {
    if (device.user !== user || device.reading === undefined) continue;
    const seen = { mine: device.reading.mine, theirs: device.reading.theirs, unread: device.reading.unread };
    if (!isDeepStrictEqual(seen, reading))
      complain(`${device.device}: has ${JSON.stringify(seen)}, which is ${JSON.stringify(reading)}`);
  }
}

function judgeNumbers(stored: Stored, complain: (text: string) => void): void {
  const numbers = [...stored.keys()].sort((a, b) => a - b);
  const hole = numbers.findIndex((seq, index) => seq !== index + 1);
  if (hole >= 0) complain(`number ${hole + 1} is missing; the next one is ${numbers[hole]}`);
  const ids = new Set([...stored.values()].map(({ id }) => id));
  if (ids.size !== stored.size) complain(`${stored.size - ids.size} messages are there twice`);
}

/** By text, since a client that forgot an id and made another would deceive a comparison by id. */
function judgeTexts(stored: Stored, devices: readonly Testimony[], complain: (text: string) => void): void {
  const unused = new Map<string, string>();
  for (const { user, texts, mayBeAbsent = [] } of devices) {
    for (const text of [...texts, ...mayBeAbsent]) unused.set(`${user} ${text}`, text);
  }
  const found = new Set<string>();
  for (const { from, body, seq, kind, retracted } of stored.values()) {
    if (retracted === true && body !== undefined) complain(`number ${seq} was taken back, and has a text`);
    // Taken back, as a message or with the one that it changed; or what takes back.
    if (body === undefined) {
      if (kind === "message" && retracted !== true) complain(`number ${seq} has no text`);
      continue;
    }
    const key = `${from} ${body.text}`;
    if (found.has(key)) complain(`number ${seq} repeats a message that was sent once: ${body.text}`);
    else if (!unused.delete(key)) complain(`number ${seq} was never sent by ${from}: ${body.text}`);
    found.add(key);
  }
  for (const { device, user, texts, isComplete } of devices) {
    if (!isComplete) continue;
    for (const text of texts)
      if (unused.has(`${user} ${text}`)) complain(`${device} sent ${text}: not there`);
  }
}

function judgeDevice(device: Testimony, stored: Stored, complain: (text: string) => void): void {
  for (const contradiction of device.contradictions) complain(`${device.device}: ${contradiction}`);
  for (const [id, seq] of device.acknowledged) {
    if (stored.get(seq)?.id !== id)
      complain(`${device.device}: ${id} was acknowledged as ${seq}, which is ${stored.get(seq)?.id}`);
  }
  for (const [seq, id] of device.received) {
    if (stored.get(seq)?.id !== id)
      complain(`${device.device}: was told that ${seq} is ${id}, which is ${stored.get(seq)?.id}`);
  }
  if (device.shown === undefined) return;
  const all = expectedShown(stored);
  if (all.length > 0 && device.shown.length === 0) complain(`${device.device}: shows nothing`);
  const expected = device.shown.length === 0 ? [] : all.slice(-device.shown.length);
  const at = device.shown.findIndex((shown, index) => !isDeepStrictEqual(shown, expected[index]));
  if (at >= 0) {
    const [one, other] = [JSON.stringify(device.shown[at]), JSON.stringify(expected[at])];
    complain(`${device.device}: shows ${one} in place of ${other}`);
  }
}

/** Sends again what is there: each must be told its own number, and another content under the same id be refused. */
async function repeat(
  { url, conversation }: Case,
  stored: Stored,
  { user, token }: { user: string; token: string },
  complain: (text: string) => void,
): Promise<number> {
  const kinds = ["message", "edit", "retract"] as const;
  const events = kinds.flatMap((kind) => {
    const own = [...stored.values()].filter((event) => event.from === user && event.kind === kind);
    return [...new Set([own.at(0), own.at(own.length >> 1), own.at(-1)])].filter(
      (event) => event !== undefined,
    );
  });
  if (events.length === 0) return 0;
  await using peer = await Peer.connect(url, { token });
  for (const event of events) {
    const again = await peer.write(
      frameOf(conversation, event, event.body?.text ?? "what is erased cannot be compared"),
    );
    if (again.type !== "ack" || again.seq !== event.seq || again.duplicate !== true)
      complain(`a repeat of number ${event.seq} (${event.kind}) was answered with ${JSON.stringify(again)}`);
    // Of a retraction, the target is all there is to change; what is erased cannot be compared.
    if (event.body === undefined && event.kind !== "retract") continue;
    const target = (event.target ?? 0) > 1 ? 1 : event.seq;
    const other = await peer.write(frameOf(conversation, { ...event, target }, freshId()));
    if (other.type !== "error" || other.code !== "id_conflict")
      complain(
        `another content under the id of number ${event.seq} was answered with ${JSON.stringify(other)}`,
      );
  }
  return events.length;
}

/** As its sender wrote it, with this text. */
function frameOf(
  conversation: string,
  { id, kind, target = 0, replyTo }: ConversationEvent,
  text: string,
): Written {
  switch (kind) {
    case "edit":
      return { type: "edit", id, conversation, target, body: textBody(text) };
    case "retract":
      return { type: "retract", id, conversation, target };
    default:
      return {
        type: "send",
        id,
        conversation,
        body: textBody(text),
        ...(replyTo === undefined ? {} : { replyTo }),
      };
  }
}
