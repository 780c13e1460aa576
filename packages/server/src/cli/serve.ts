/** `duologue serve`: the primary in this process. */
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import { createLogger } from "../log.ts";
import { version } from "../version.ts";
import { findNetworkAddresses, formatAnnouncement } from "./announce.ts";
import { type Console, type ExitCode, exitCodes } from "./console.ts";
import { cleanEnvironment } from "./environment.ts";
import { watchLauncher } from "./launcher.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Resolves when the server has stopped. */
export async function runServe(config: Config, console: Console): Promise<ExitCode> {
  const [{ runPrimary }, { StartError }, { reportReady }] = await Promise.all([
    import("../app/primary.ts"),
    import("../app/start-up.ts"),
    import("../app/service-manager.ts"),
  ]);
  const log = createLogger({ level: config.logLevel, format: config.logFormat, name: "primary" });
  watchLauncher(
    systemClock,
    process.env,
    () => process.ppid,
    () => process.kill(process.pid, "SIGTERM"),
  );
  try {
    await runPrimary({
      config,
      log,
      workerCommand: workerCommand(config),
      environment: cleanEnvironment(process.env),
      announce: ({ address, dataDirectory, workers }) => {
        const networkAddresses = findNetworkAddresses(config.host, address);
        console.out(formatAnnouncement({ version, address, networkAddresses, dataDirectory, workers }));
        reportReady({ environment: process.env, pid: process.pid, clock: systemClock, log });
      },
    });
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(`duologue: ${error.message}\n`);
    return exitCodes.failed;
  }
}

/** The flags that this process was given keep the runtime from reading .env and bunfig.toml of the working directory. */
function workerCommand(config: Config): string[] {
  return [process.execPath, ...process.execArgv, MAIN, "worker", config.logLevel, config.logFormat];
}
