/** A shell with one command in it, and everything that the command starts. */
import { Inbox, readLines, until, withDeadline } from "./inbox.ts";
import { childrenOf, isAlive, killQuietly } from "./server.ts";

const PATIENCE_MS = 60_000;

export class Terminal implements AsyncDisposable {
  /** Lines of stdout and stderr. */
  readonly output = new Inbox<string>("terminal", (line) => line);
  /** With the exit code. */
  readonly exited: Promise<number>;
  readonly #line: string;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;

  constructor(line: string, cwd: string, environment: Readonly<Record<string, string>>) {
    this.#line = line;
    this.#child = Bun.spawn(["sh", "-c", line], {
      cwd,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...environment },
    });
    const streams = [this.#child.stdout, this.#child.stderr].map((stream) => readLines(stream, this.output));
    const ended = Promise.all([this.#child.exited, ...streams]).then(([code]) => {
      this.output.end("the command has ended");
      return code;
    });
    this.exited = withDeadline(ended, () => `\`${line}\` did not end`, PATIENCE_MS);
    // Whoever does not wait for the end is not to be told of it.
    this.exited.catch(() => {});
  }

  /** What the group of this expression matches in the first line that has it. */
  async find(pattern: RegExp): Promise<string> {
    const line = await this.output.next((text) => pattern.test(text), `line like ${pattern}`, PATIENCE_MS);
    return pattern.exec(line)?.[1] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pids = [this.#child.pid];
    // The list grows while it is walked.
    for (const pid of pids) pids.push(...childrenOf(pid));
    for (const pid of pids.reverse()) killQuietly(pid);
    await until(() => !pids.some(isAlive), `the processes of \`${this.#line}\` have ended`);
  }
}
