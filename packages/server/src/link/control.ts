/** The command line's way to a running primary. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { systemClock } from "../clock.ts";
import type { ControlReply, ControlRequest } from "./control-types.ts";
import { connectLines } from "./lines.ts";
import { decodeStatement, encodeStatement, tags } from "./messages.ts";
import { NoServerError } from "./no-server-error.ts";
import { linkLimits, socketPath } from "./socket-path.ts";

/**
 * Asks the primary that owns the data directory and yields its answers until it has nothing more to say; the end of
 * the connection is the end of the answers. Throws NoServerError when none is there.
 */
export async function* askPrimary(
  dataDirectory: string,
  request: ControlRequest,
): AsyncGenerator<ControlReply> {
  const directory = resolve(dataDirectory);
  const path = socketPath(directory);
  if (!existsSync(path)) throw new NoServerError(directory);
  const replies: ControlReply[] = [];
  let ended = false;
  let wake = (): void => undefined;
  const connection = await connectLines(path, systemClock, linkLimits, {
    onLine: (line) => {
      replies.push(decodeStatement(tags.controlReply, line));
      wake();
    },
    onClose: () => {
      ended = true;
      wake();
    },
  }).catch(() => {
    throw new NoServerError(directory);
  });
  connection.send(encodeStatement(tags.control, request));
  try {
    while (!ended || replies.length > 0) {
      const reply = replies.shift();
      if (reply !== undefined) yield reply;
      else
        await new Promise<void>((next) => {
          wake = next;
        });
    }
  } finally {
    connection.close("answered");
  }
}
