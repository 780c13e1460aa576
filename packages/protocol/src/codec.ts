/** Text to frame and back. Decoding is total: it never throws, and says what is wrong. */
import { type ClientFrame, clientFrameSchema, type ServerFrame, serverFrameSchema } from "./frames.ts";
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
