/** The one place where a fault becomes an error frame. */
import { encodeFrame, errorTable, isMessageId } from "@duologue/protocol";
import type { Fault } from "../domain/fault.ts";
import type { Connection } from "./connection.ts";

/** Which request an error answers. */
export interface Request {
  readonly ref?: number | undefined;
  readonly id?: string | undefined;
}

export function sendFault(connection: Connection, fault: Fault, request: Request = {}): void {
  const { message, retryable } = errorTable[fault.code];
  connection.push(
    encodeFrame({
      type: "error",
      code: fault.code,
      message: fault.detail === undefined ? message : `${message} ${fault.detail}`,
      retryable,
      ...(fault.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs }),
      ...(request.ref === undefined ? {} : { ref: request.ref }),
      ...(request.id === undefined ? {} : { id: request.id }),
      ...(fault.suggestion === undefined ? {} : { suggestion: fault.suggestion }),
    }),
  );
}

/** The `ref` or `id` of a frame that could not be read as a whole, if it has a usable one. */
export function requestOf(text: string): Request {
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
