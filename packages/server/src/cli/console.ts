/** Where a command writes and what it gets from outside; tests give their own. */
export interface Console {
  out(text: string): void;
  error(text: string): void;
}

export const processConsole: Console = {
  out: (text) => {
    process.stdout.write(text);
  },
  error: (text) => {
    process.stderr.write(text);
  },
};

/** What the shell sees. 2, as usual, for a command line that makes no sense. */
export const exitCodes = { done: 0, failed: 1, misused: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function printProblems(console: Console, problems: readonly string[]): ExitCode {
  console.error(
    problems.length === 1
      ? `duologue: ${problems[0]}\n`
      : `duologue: ${problems.length} faults in the configuration:\n${problems.map((line) => `  ${line}\n`).join("")}`,
  );
  return exitCodes.misused;
}
