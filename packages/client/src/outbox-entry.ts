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
}

export const QUEUED: OutboxState = { kind: "queued" };
export const SENDING: OutboxState = { kind: "sending" };

export function entryText({ frame, createdAt, state }: OutboxEntry): string {
  return JSON.stringify({ frame, createdAt, state });
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
  const error = "state" in stored ? parseFailure(stored.state) : undefined;
  return { frame, createdAt, state: error === undefined ? QUEUED : { kind: "failed", error } };
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
