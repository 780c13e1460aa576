import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LineLimits } from "./lines.ts";

/** A socket's path may have at most 108 bytes on Linux and 104 on macOS (unix(7), sockaddr_un). */
const MAX_PATH_BYTES = 100;

/** Where the primary of this data directory (an absolute path) listens; in the temporary directory if the path is too long. */
export function socketPath(dataDirectory: string): string {
  const path = join(dataDirectory, "duologue.sock");
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path;
  const name = createHash("sha256").update(dataDirectory).digest("hex").slice(0, 24);
  return join(tmpdir(), `duologue-${name}`, "duologue.sock");
}

/** Both ends run the same program; the bounds keep a stuck peer from filling the other's memory. */
export const linkLimits: LineLimits = { lineBytes: 16 * 1024 * 1024, queueBytes: 64 * 1024 * 1024 };
