import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { browserFaults } from "./browsers.ts";
import { faults } from "./faults.ts";
import { readCommandLine } from "./options.ts";

function mistakeOf(...words: readonly string[]): string {
  const line = readCommandLine(words);
  return line.kind === "mistake" ? line.line : `taken: ${JSON.stringify(line)}`;
}

describe("the command line of the chaos", () => {
  test("without a word is the mixture, ten minutes long", () => {
    expect(readCommandLine([])).toEqual({
      kind: "run",
      isRecorded: false,
      form: {
        kind: "mixture",
        options: {
          durationMs: 600_000,
          warmUpMs: undefined,
          pauseMs: 0,
          roundMs: 30_000,
          seed: 1,
          workers: 4,
          conversations: 10,
          devices: 4,
          only: undefined,
          hasBrowsers: true,
          limits: [],
          isVerbose: false,
        },
      },
    });
  });

  test.each([
    [["--soak", "60", "--seed", "5", "--record"], { kind: "soak", minutes: 60, seed: 5 }],
    [["--workers-killed"], { kind: "workers killed", seed: 1 }],
    [["--writer-kills", "200", "--seed", "3"], { kind: "writer killed", kills: 200, seed: 3 }],
    [["--herd", "100", "--workers", "2"], { kind: "herd", clients: 100, workers: 2 }],
    [["--storage", "5"], { kind: "storage", times: 5 }],
  ] as const)("%p is a form of its own", (words, form) => {
    expect(readCommandLine(words)).toMatchObject({ kind: "run", form });
  });

  test.each([
    [["--minutes", "abc"], '--minutes: a number above 0 is expected, not "abc"'],
    [["--minutes", "0"], '--minutes: a number above 0 is expected, not "0"'],
    [["--minutes", ""], '--minutes: a number above 0 is expected, not ""'],
    [["--seed", "1.5"], '--seed: a whole number up to 4294967295 is expected, not "1.5"'],
    [["--seed", "-1"], "ambiguous"],
    [["--workers", "0"], '--workers: a whole number from 1 on is expected, not "0"'],
    [["--devices", "1"], '--devices: a whole number from 2 on is expected, not "1"'],
    [["--limit", "nothing=1"], '--limit: there is no limit "nothing"'],
    [["--limit", "helloMs=soon"], '--limit helloMs: a whole number is expected, not "soon"'],
    [["--herd", "5", "--minutes", "3"], "--herd and --minutes do not go together"],
    [["--soak", "x"], '--soak: a number above 0 is expected, not "x"'],
    [["--bogus"], "Unknown option '--bogus'"],
    [["stray"], "Unexpected argument 'stray'"],
  ])("%p is a mistake, in one line", (words, says) => {
    const line = mistakeOf(...words);
    expect(line).toContain(says);
    expect(line).not.toContain("\n");
  });

  test("names every fault in its help, and where a name is none", () => {
    const help = readCommandLine(["--help"]);
    const unknown = mistakeOf("--only", "worker killed, foo");
    expect(unknown).toStartWith('--only: there is no fault "foo"; there are: worker killed, ');
    for (const { name } of [...faults, ...browserFaults]) {
      expect(help.kind === "help" ? help.text : "").toContain(name);
      expect(unknown).toContain(name);
    }
    expect(mistakeOf("--only", "tab crashed")).toStartWith("taken");
    expect(mistakeOf("--only", "tab crashed", "--no-browsers")).toContain('no fault "tab crashed"');
  });

  test("is refused with one line and exit code 2, before anything is started", async () => {
    const main = join(import.meta.dir, "main.ts");
    const child = Bun.spawn([process.execPath, main, "--only", "foo"], { stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^--only: there is no fault "foo"; .*\n$/);
  });
});
