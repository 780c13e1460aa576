/** Text to frame and back. Decoding is total: it never throws, and says what is wrong. */
import {
  type ClientFrame,
  clientFrameSchema,
  isMessageId,
  type ServerFrame,
  serverFrameSchema,
} from "./frames.ts";
import type { Schema } from "./schema.ts";

export type Decoded<T> =
  | { readonly ok: true; readonly frame: T }
  | { readonly ok: false; readonly problem: string };

export function decodeClientFrame(text: string): Decoded<ClientFrame> {
  return decode(text, clientFrameSchema);
}

/** A client must ignore what it cannot decode: a newer server may send frames it does not know. */
export function decodeServerFrame(text: string): Decoded<ServerFrame> {
  return decode(text, serverFrameSchema);
}

export function encodeFrame(frame: ClientFrame | ServerFrame): string {
  return JSON.stringify(frame);
}

function decode<T>(text: string, schema: Schema<T>): Decoded<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: "not JSON" };
  }
  const problem = schema.check(value, "");
  return problem === undefined ? { ok: true, frame: value as T } : { ok: false, problem };
}

/** What an error names of the frame that it answers. */
export interface FrameReference {
  readonly ref?: number | undefined;
  readonly id?: string | undefined;
}

/** The `ref` or `id` of a frame that could not be read as a whole, if it has a usable one (SPEC BI1). Never throws. */
export function referenceOf(text: string): FrameReference {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return {};
    const { ref, id } = value as { ref?: unknown; id?: unknown };
    return {
      ...(Number.isSafeInteger(ref) && (ref as number) >= 0 ? { ref: ref as number } : {}),
      ...(isMessageId(id) ? { id } : {}),
    };
  } catch {
    return {};
  }
}
