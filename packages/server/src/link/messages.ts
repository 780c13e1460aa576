/**
 * What primary and workers say to each other: one line each, a letter, the fields, and at the end what may hold spaces.
 * The lines on a message's path (append, appended, event) are written and read without JSON; the stored body and the
 * event frame pass through as they are.
 */
import type { EventNote, Note } from "../ports/bus.ts";
import type { JoinOutcome, JoinRequest, LobbyChange, NameCandidate } from "../ports/presence.ts";
import type { Appended, Draft, Position, Refusal, Refused, UserId } from "../ports/store.ts";
import type { ControlReply, ControlRequest } from "./control-types.ts";
import type { PrimaryHeartbeat, WatchedStates, WorkerSettings, WorkerStatistics } from "./worker-types.ts";

/** The letter of each kind of line. Capitals are said to the primary, small ones by it. */
export const tags = {
  // On a connection's first line: who it is.
  hello: "H",
  control: "C",
  // By a worker: statements.
  ready: "R",
  statistics: "B",
  publish: "P",
  leave: "L",
  unwatch: "U",
  rebroadcast: "G",
  positions: "Y",
  // By a worker: requests, which `answer` answers; the first by `appended` or `refused`.
  append: "A",
  write: "Q",
  join: "J",
  rename: "N",
  firstFree: "F",
  findOnline: "O",
  watch: "V",
  settle: "W",
  // By the primary.
  settings: "s",
  heartbeat: "h",
  drain: "d",
  lobby: "l",
  watched: "v",
  recheckAll: "k",
  recheck: "y",
  event: "e",
  userEvent: "u",
  note: "n",
  appended: "a",
  refused: "x",
  answer: "q",
  controlReply: "c",
} as const;

type Tag = (typeof tags)[keyof typeof tags];
type Capital<T extends string> = T extends Uppercase<T> ? T : never;
export type PrimaryTag = Exclude<Tag, Capital<Tag>>;
/** Of a worker, after its first line. */
export type WorkerTag = Exclude<Capital<Tag>, typeof tags.hello | typeof tags.control>;

/** A letter and JSON of this. */
export interface Statements {
  /** The worker's number. */
  readonly [tags.hello]: number;
  readonly [tags.control]: ControlRequest;
  readonly [tags.statistics]: WorkerStatistics;
  readonly [tags.leave]: { readonly id: UserId; readonly atOnce: boolean };
  readonly [tags.unwatch]: readonly UserId[];
  /** What the store says of those for whom `recheck` asked. */
  readonly [tags.positions]: readonly (readonly [UserId, Position])[];
  readonly [tags.settings]: WorkerSettings;
  readonly [tags.heartbeat]: PrimaryHeartbeat;
  readonly [tags.lobby]: LobbyChange;
  readonly [tags.watched]: WatchedStates;
  /** Users whose connections are to be compared with the store. */
  readonly [tags.recheck]: readonly UserId[];
  readonly [tags.controlReply]: ControlReply;
}

/** A letter, the request's number, and JSON of what is asked; the answer has the same number. */
export interface Calls {
  /** A request of the store's, and its outcome (store/requests.ts). */
  readonly [tags.write]: { readonly asked: unknown; readonly answer: unknown };
  readonly [tags.join]: { readonly asked: JoinRequest; readonly answer: JoinOutcome };
  readonly [tags.rename]: {
    readonly asked: { readonly id: UserId; readonly name: string; readonly nameKeys: readonly string[] };
    readonly answer: JoinOutcome;
  };
  readonly [tags.firstFree]: {
    readonly asked: readonly NameCandidate[];
    readonly answer: { readonly name?: string | undefined };
  };
  readonly [tags.findOnline]: { readonly asked: readonly UserId[]; readonly answer: readonly UserId[] };
  readonly [tags.watch]: { readonly asked: readonly UserId[]; readonly answer: WatchedStates };
  readonly [tags.settle]: { readonly asked: object; readonly answer: object };
}

const ABSENT = "-";

export type AppendOutcome = Appended | Refused;

/** The fields before the rest of a line; the rest may hold spaces. */
function fieldsOf(
  line: string,
  count: number,
): { readonly fields: readonly string[]; readonly rest: string } {
  const fields: string[] = [];
  let start = 2;
  for (let index = 0; index < count; index += 1) {
    const end = line.indexOf(" ", start);
    if (end < 0) {
      fields.push(line.slice(start));
      start = line.length;
    } else {
      fields.push(line.slice(start, end));
      start = end + 1;
    }
  }
  return { fields, rest: line.slice(start) };
}

const field = (fields: readonly string[], index: number): string => fields[index] ?? "";
const numberOrAbsent = (text: string): number | undefined => (text === ABSENT ? undefined : Number(text));

/** A worker asks for an event. */
export function encodeAppend(ref: number, draft: Draft): string {
  return `${tags.append} ${ref} ${draft.conversation} ${draft.sender} ${draft.id} ${draft.kind} ${draft.replyTo ?? ABSENT} ${draft.target ?? ABSENT} ${draft.origin} ${draft.onlyRepeat ? 1 : 0} ${draft.body ?? ""}`;
}

export function decodeAppend(line: string): { readonly ref: number; readonly draft: Draft } {
  const { fields, rest } = fieldsOf(line, 9);
  return {
    ref: Number(fields[0]),
    draft: {
      conversation: field(fields, 1),
      sender: field(fields, 2),
      id: field(fields, 3),
      kind: field(fields, 4) as Draft["kind"],
      replyTo: numberOrAbsent(field(fields, 5)),
      target: numberOrAbsent(field(fields, 6)),
      origin: Number(fields[7]),
      onlyRepeat: fields[8] === "1",
      body: rest === "" ? undefined : rest,
    },
  };
}

/** It is committed, or refused. */
export function encodeOutcome(ref: number, outcome: AppendOutcome): string {
  if (!outcome.ok) return `${tags.refused} ${ref} ${outcome.refusal}`;
  return `${tags.appended} ${ref} ${outcome.seq} ${outcome.time} ${outcome.position} ${outcome.prev} ${outcome.duplicate ? 1 : 0}`;
}

export function decodeOutcome(line: string): { readonly ref: number; readonly outcome: AppendOutcome } {
  const { fields } = fieldsOf(line, 6);
  const ref = Number(fields[0]);
  if (line.startsWith(tags.refused))
    return { ref, outcome: { ok: false, refusal: field(fields, 1) as Refusal } };
  return {
    ref,
    outcome: {
      ok: true,
      seq: Number(fields[1]),
      time: Number(fields[2]),
      position: Number(fields[3]),
      prev: Number(fields[4]),
      duplicate: fields[5] === "1",
    },
  };
}

/** A committed event, for those of its two users that the worker holds. */
export function encodeEvent(note: EventNote): string {
  let users = "";
  for (const user in note.prev) users += ` ${user} ${note.prev[user]}`;
  return `${tags.event} ${note.conversation} ${note.sender} ${note.origin} ${note.position}${users} ${note.json}`;
}

export function decodeEvent(line: string): EventNote {
  const { fields, rest } = fieldsOf(line, 8);
  return {
    kind: "event",
    conversation: field(fields, 0),
    sender: field(fields, 1),
    origin: Number(fields[2]),
    position: Number(fields[3]),
    prev: { [field(fields, 4)]: Number(fields[5]), [field(fields, 6)]: Number(fields[7]) },
    json: rest,
  };
}

/** The same for one of the two. */
export function encodeUserEvent(user: UserId, note: EventNote): string {
  return `${tags.userEvent} ${user} ${note.conversation} ${note.sender} ${note.origin} ${note.position} ${note.prev[user] ?? 0} ${note.json}`;
}

export function decodeUserEvent(line: string): { readonly to: UserId; readonly note: EventNote } {
  const { fields, rest } = fieldsOf(line, 6);
  const to = field(fields, 0);
  return {
    to,
    note: {
      kind: "event",
      conversation: field(fields, 1),
      sender: field(fields, 2),
      origin: Number(fields[3]),
      position: Number(fields[4]),
      prev: { [to]: Number(fields[5]) },
      json: rest,
    },
  };
}

/** Any other note: to the hub, and from it. */
export function encodeNote(
  tag: typeof tags.publish | typeof tags.note,
  to: readonly UserId[],
  note: Note,
): string {
  return `${tag} ${to.join(",")} ${JSON.stringify(note)}`;
}

export function decodeNote(line: string): { readonly to: readonly UserId[]; readonly note: Note } {
  const { fields, rest } = fieldsOf(line, 1);
  return { to: field(fields, 0).split(","), note: JSON.parse(rest) as Note };
}

export function encodeCall<T extends keyof Calls>(tag: T, ref: number, value: Calls[T]["asked"]): string {
  return `${tag} ${ref} ${JSON.stringify(value)}`;
}

export function decodeCall<T extends keyof Calls>(
  _tag: T,
  line: string,
): { readonly ref: number; readonly value: Calls[T]["asked"] } {
  return decodeNumbered(line);
}

export function encodeAnswer(ref: number, value: unknown): string {
  return `${tags.answer} ${ref} ${JSON.stringify(value)}`;
}

/** Who asked knows what it is. */
export function decodeAnswer(line: string): { readonly ref: number; readonly value: unknown } {
  return decodeNumbered(line);
}

function decodeNumbered<T>(line: string): { readonly ref: number; readonly value: T } {
  const { fields, rest } = fieldsOf(line, 1);
  return { ref: Number(fields[0]), value: JSON.parse(rest) as T };
}

export function encodeStatement<T extends keyof Statements>(tag: T, value: Statements[T]): string {
  return `${tag} ${JSON.stringify(value)}`;
}

/** `tag`: which one the line has. */
export function decodeStatement<T extends keyof Statements>(_tag: T, line: string): Statements[T] {
  return JSON.parse(line.slice(2)) as Statements[T];
}
