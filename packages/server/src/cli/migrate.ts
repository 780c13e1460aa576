/** migrate: from the embedded store into PostgreSQL, with a bar, and with what to do next. */
import { systemClock } from "../clock.ts";
import { type Console, type ExitCode, exitCodes } from "./console.ts";
import { ProgressBar } from "./progress.ts";
import { refuseInOneLine } from "./upkeep.ts";

export interface MigrateWishes {
  /** Absolute: a data directory. */
  readonly from: string;
  /** postgres://…; may hold a password. */
  readonly to: string;
  readonly ca: string | undefined;
  /** The bar can be drawn over itself. */
  readonly isTerminal: boolean;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export async function runMigrate(wishes: MigrateWishes, console: Console): Promise<ExitCode> {
  const { migrateStore } = await import("../app/migrate.ts");
  const { from, to, ca, isTerminal } = wishes;
  const bar = new ProgressBar({ clock: systemClock, write: (text) => console.error(text), isTerminal });
  const abort = new AbortController();
  // Once: a second one ends it at once, as if there were no handler; that harms nothing either.
  const stop = (): void => abort.abort();
  for (const signal of SIGNALS) process.once(signal, stop);
  return refuseInOneLine(console, async () => {
    try {
      const outcome = await migrateStore({
        from,
        to: { url: to, ca },
        clock: systemClock,
        signal: abort.signal,
        onProgress: ({ phase, done, total }) => bar.show(phase, done, total, "rows"),
      });
      bar.end();
      const { person, conversation, event, session } = outcome.counts;
      console.out(
        `${from} → ${hideSecret(to)}: ${person} users, ${conversation} conversations, ${event} events, ${session} sessions. ${outcome.written} rows were written; counts and hashes of all are the same on both sides.\n`,
      );
      if (outcome.isWithoutSecret)
        console.out(
          `There was no token-secret to be used in ${from}: guests who come back with a token of another one will be strangers.\n`,
        );
      console.out(outcome.isComplete ? sayComplete(wishes) : sayPartial(wishes));
      return exitCodes.done;
    } finally {
      bar.end();
      for (const signal of SIGNALS) process.off(signal, stop);
    }
  });
}

function sayPartial({ from, to }: MigrateWishes): string {
  return `A server still runs on ${from}: what it takes from now on is missing, and no server begins with the copy before it is complete. Next:
  duologue stop --data ${quote(from)}
  DUOLOGUE_STORE=${quote(hideSecret(to))} duologue migrate --from ${quote(from)}
The second run writes only what has changed.\n`;
}

function sayComplete({ from, to }: MigrateWishes): string {
  return `The copy is complete. Next, and not on ${from} any more:
  DUOLOGUE_STORE=${quote(hideSecret(to))} duologue serve
Beside it, for several machines: DUOLOGUE_BUS=nats://…, and a data directory of its own on each. Tokens and cursors stay good.\n`;
}

/** The address as it is to be typed, but for the password. */
function hideSecret(to: string): string {
  const url = new URL(to);
  if (url.password !== "") url.password = "PASSWORD";
  return url.href;
}

/** For a shell. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
