/**
 * What primary and workers say to each other: one line each, a letter, the fields, and at the end what may hold spaces.
 * The lines on a message's path (append, appended, event) are written and read without JSON; the stored body and the
 * event frame pass through as they are.
 */
import type { EventNote, Note } from "../ports/bus.ts";
import type { Appended, Draft, Refusal, Refused, UserId } from "../ports/store.ts";

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

/** A: a worker asks for an event. */
export function encodeAppend(ref: number, draft: Draft): string {
  return `A ${ref} ${draft.conversation} ${draft.sender} ${draft.id} ${draft.kind} ${draft.replyTo ?? ABSENT} ${draft.target ?? ABSENT} ${draft.origin} ${draft.onlyRepeat ? 1 : 0} ${draft.body ?? ""}`;
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

/** a: it is committed; x: it is refused. */
export function encodeOutcome(ref: number, outcome: AppendOutcome): string {
  if (!outcome.ok) return `x ${ref} ${outcome.refusal}`;
  return `a ${ref} ${outcome.seq} ${outcome.time} ${outcome.position} ${outcome.prev} ${outcome.duplicate ? 1 : 0}`;
}

export function decodeOutcome(line: string): { readonly ref: number; readonly outcome: AppendOutcome } {
  const { fields } = fieldsOf(line, 6);
  const ref = Number(fields[0]);
  if (line.startsWith("x")) return { ref, outcome: { ok: false, refusal: field(fields, 1) as Refusal } };
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

/** e: a committed event, for those of its two users that the worker holds. */
export function encodeEvent(note: EventNote): string {
  let users = "";
  for (const user in note.prev) users += ` ${user} ${note.prev[user]}`;
  return `e ${note.conversation} ${note.sender} ${note.origin} ${note.position}${users} ${note.json}`;
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

/** u: the same for one of the two. */
export function encodeUserEvent(user: UserId, note: EventNote): string {
  return `u ${user} ${note.conversation} ${note.sender} ${note.origin} ${note.position} ${note.prev[user] ?? 0} ${note.json}`;
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

/** P (to the hub), n (from it): any other note. */
export function encodeNote(tag: "P" | "n", to: readonly UserId[], note: Note): string {
  return `${tag} ${to.join(",")} ${JSON.stringify(note)}`;
}

export function decodeNote(line: string): { readonly to: readonly UserId[]; readonly note: Note } {
  const { fields, rest } = fieldsOf(line, 1);
  return { to: field(fields, 0).split(","), note: JSON.parse(rest) as Note };
}

/** A letter, a request's number, JSON: the shape of all lines that are not on a message's path. */
export function encodeCall(tag: string, ref: number, value: unknown): string {
  return `${tag} ${ref} ${JSON.stringify(value)}`;
}

export function decodeCall<T>(line: string): { readonly ref: number; readonly value: T } {
  const { fields, rest } = fieldsOf(line, 1);
  return { ref: Number(fields[0]), value: JSON.parse(rest) as T };
}

/** A letter and JSON. */
export function encodeStatement(tag: string, value: unknown): string {
  return `${tag} ${JSON.stringify(value)}`;
}

export function decodeStatement<T>(line: string): T {
  return JSON.parse(line.slice(2)) as T;
}
