/** The hidden role that the primary starts: not for people, so it takes its few words by their places. */
import type { LogFormat, LogLevel } from "../config/index.ts";
import { createLogger } from "../log.ts";

/** `words`: log level, log format, path of the primary's socket, the worker's serial number. */
export async function runWorkerRole(words: readonly string[]): Promise<number> {
  const [level, format, socketPath = "", serial = ""] = words;
  const { runWorker } = await import("../app/worker.ts");
  // Ctrl-C and the end of a terminal reach the whole group; the primary decides what happens then.
  process.on("SIGINT", () => undefined);
  process.on("SIGHUP", () => undefined);
  const log = createLogger({
    level: level as LogLevel,
    format: format as LogFormat,
    name: `worker ${serial}`,
  });
  return runWorker({ socketPath, serial: Number(serial), log });
}
