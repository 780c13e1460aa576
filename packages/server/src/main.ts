/** The entry of every process: the command line for people, and the hidden roles of a worker and of a back-up's copier. */
import { runWorkerRole } from "./cli/worker.ts";

/** `words`: without the runtime and the script. Resolves with the exit code when everything has ended. */
export async function main(words: readonly string[]): Promise<number> {
  // A worker starts often and in a hurry: it does not load the command line.
  if (words[0] === "worker") return runWorkerRole(words.slice(1));
  if (words[0] === "copy") return (await import("./cli/upkeep.ts")).runCopyRole(words.slice(1));
  const { processConsole } = await import("./cli/console.ts");
  const { runProgram, systemContext } = await import("./cli/program.ts");
  return runProgram(words, systemContext(processConsole));
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
