/** A message in the outbox, and how it stands in the storage. */
import { type ClientFrame, type ClientFrameOf, decodeClientFrame, encodeFrame } from "@duologue/protocol";
import type { ServerError } from "./errors.ts";

export type OutboxFrame = ClientFrameOf<"send" | "edit" | "retract">;

export type OutboxState =
  | { readonly kind: "queued" }
  /** Written to the socket; no acknowledgement yet. */
  | { readonly kind: "sending" }
  /** Refused for good; the user decides what becomes of it. */
  | { readonly kind: "failed"; readonly error: ServerError };

export interface OutboxEntry {
  readonly frame: OutboxFrame;
  /** Milliseconds since 1970, by this machine's clock. */
  readonly createdAt: number;
  readonly state: OutboxState;
  /** It was written before, and no answer came: the server may have it. */
  readonly isUncertain?: true;
}

export const QUEUED: OutboxState = { kind: "queued" };
export const SENDING: OutboxState = { kind: "sending" };

/** As it stands after the connection over which it was written is lost, or the page, or the server's store. */
export function afterLoss(entry: OutboxEntry): OutboxEntry {
  return entry.state.kind === "sending" ? { ...entry, state: QUEUED, isUncertain: true } : entry;
}

/** As it stands when another copy is on its way: what is said of this one says nothing of the first. */
export function afterRepeat(entry: OutboxEntry): OutboxEntry {
  return { ...entry, isUncertain: true };
}

/** Whether the server may have it, so that it cannot be taken back any more. */
export function mayBeSent({ state, isUncertain }: OutboxEntry): boolean {
  return state.kind === "sending" || isUncertain === true;
}

/** What the server refused for good is not there, whatever was written before. */
export function refused(entry: OutboxEntry, error: ServerError): OutboxEntry {
  const { isUncertain: _, ...rest } = entry;
  return { ...rest, state: { kind: "failed", error } };
}

export function entryText({ frame, createdAt, state, isUncertain }: OutboxEntry): string {
  return JSON.stringify({ frame, createdAt, state, isUncertain });
}

/** The storage is the user's own machine, and still nothing in it is believed: old versions and other tabs write too. */
export function parseEntry(text: string): OutboxEntry | undefined {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof stored !== "object" || stored === null || !("frame" in stored)) return undefined;
  const decoded = decodeClientFrame(JSON.stringify(stored.frame) ?? "");
  if (!decoded.ok) return undefined;
  const { frame } = decoded;
  if (frame.type !== "send" && frame.type !== "edit" && frame.type !== "retract") return undefined;
  const createdAt = "createdAt" in stored && typeof stored.createdAt === "number" ? stored.createdAt : 0;
  const state = "state" in stored ? stored.state : undefined;
  const error = parseFailure(state);
  if (error !== undefined) return { frame, createdAt, state: { kind: "failed", error } };
  const isUncertain = "isUncertain" in stored && stored.isUncertain === true;
  return isUncertain || isSending(state)
    ? { frame, createdAt, state: QUEUED, isUncertain: true }
    : { frame, createdAt, state: QUEUED };
}

function isSending(state: unknown): boolean {
  return typeof state === "object" && state !== null && "kind" in state && state.kind === "sending";
}

function parseFailure(state: unknown): ServerError | undefined {
  if (typeof state !== "object" || state === null || !("error" in state)) return undefined;
  const { error } = state;
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return { code: String(error.code), message: "message" in error ? String(error.message) : "" };
}

/** The size of a frame on the wire. */
export function frameBytesOf(frame: ClientFrame): number {
  return new TextEncoder().encode(encodeFrame(frame)).length;
}
