/** The one place where a fault becomes an error frame. */
import { encodeFrame, errorTable, type FrameReference } from "@duologue/protocol";
import type { Fault } from "../domain/fault.ts";
import type { Connection } from "./connection.ts";

export function sendFault(connection: Connection, fault: Fault, request: FrameReference = {}): void {
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
