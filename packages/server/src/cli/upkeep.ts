/** backup, restore and doctor: what an operator does to data, with a server at work or without one. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { formatBytes } from "../app/units.ts";
import { systemClock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import { type Console, type ExitCode, exitCodes } from "./console.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const PERCENT_STEP = 10;

export interface BackupWishes {
  readonly file: string;
  readonly force: boolean;
}

/** `file` may be relative to the working directory. */
export async function runBackup(
  dataDirectory: string,
  wishes: BackupWishes,
  console: Console,
): Promise<ExitCode> {
  const { backUp } = await import("../app/backup.ts");
  let shownPercent = 0;
  return refuseInOneLine(console, async () => {
    const outcome = await backUp({
      dataDirectory,
      file: resolve(wishes.file),
      force: wishes.force,
      copyCommand: [process.execPath, ...process.execArgv, MAIN, "copy"],
      clock: systemClock,
      onProgress: (copied, total) => {
        const percent = Math.floor((copied / total) * 100);
        if (percent < shownPercent + PERCENT_STEP) return;
        shownPercent = percent;
        console.error(`${formatBytes(copied)} of about ${formatBytes(total)} (${percent} %)\n`);
      },
    });
    const { file, bytes, fromRunningServer, secretProblem } = outcome;
    console.out(
      `${file}: ${formatBytes(bytes)}, ${formatCounts(outcome)}, of ${fromRunningServer ? "the running server" : "the stopped server"}.\n`,
    );
    console.out(
      secretProblem === undefined
        ? "It holds everybody's messages and the secret of their tokens: keep it as you keep those.\n"
        : `It holds everybody's messages, but not token-secret: ${secretProblem}. Restored elsewhere, every guest will be a stranger.\n`,
    );
    return exitCodes.done;
  });
}

export async function runRestore(dataDirectory: string, file: string, console: Console): Promise<ExitCode> {
  const { restore } = await import("../app/restore.ts");
  return refuseInOneLine(console, async () => {
    const outcome = restore({ dataDirectory, file: resolve(file), clock: systemClock });
    const taken = outcome.takenAt === undefined ? "" : `, taken ${outcome.takenAt}`;
    console.out(`Restored into ${dataDirectory}: ${formatCounts(outcome)}${taken}.\n`);
    if (outcome.kept !== undefined) console.out(`What was there before is ${outcome.kept}.\n`);
    if (outcome.secret === "missing")
      console.out("It came without token-secret: put the one that belongs to it into the data directory.\n");
    if (outcome.secret === "kept")
      console.out("It came without token-secret: the one in the data directory stays.\n");
    console.out(
      "Clients load everything anew when they come back. Start the server with `duologue serve`.\n",
    );
    return exitCodes.done;
  });
}

export interface DoctorPatient {
  readonly dataDirectory: string;
  readonly config: Config | undefined;
  readonly problems: readonly string[];
}

const marks = { fine: "✓", worth: "!", wrong: "✗" } as const;

/** Fails when something is wrong, not when something is only worth a look. */
export async function runDoctor(patient: DoctorPatient, console: Console): Promise<ExitCode> {
  const { examine } = await import("../app/doctor.ts");
  let exitCode: ExitCode = exitCodes.done;
  for await (const { grade, text, advice } of examine({ ...patient, clock: systemClock })) {
    console.out(`${marks[grade]} ${text}${advice === undefined ? "" : ` → ${advice}`}\n`);
    if (grade === "wrong") exitCode = exitCodes.failed;
  }
  return exitCode;
}

/** The hidden role of the process that copies for `backup`. `words`: the database, and the copy to be made. */
export async function runCopyRole(words: readonly string[]): Promise<number> {
  const [source = "", target = ""] = words;
  const { copyInto } = await import("../app/backup.ts");
  try {
    copyInto(source, target);
    return exitCodes.done;
  } catch (error) {
    process.stderr.write((error as Error).message);
    return exitCodes.failed;
  }
}

/** An UpkeepError is a refusal for people, and nothing else. */
export async function refuseInOneLine(console: Console, run: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await run();
  } catch (error) {
    const { UpkeepError } = await import("../app/visit.ts");
    if (!(error instanceof UpkeepError)) throw error;
    console.error(`duologue: ${(error as Error).message}\n`);
    return exitCodes.failed;
  }
}

function formatCounts(counts: {
  readonly users: number;
  readonly conversations: number;
  readonly events: number;
}): string {
  return `${counts.users} users, ${counts.conversations} conversations, ${counts.events} events`;
}
