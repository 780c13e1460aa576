import { describe, expect, test } from "bun:test";
import { helpText, parseCommand } from "../src/arguments.ts";
import { faultNames } from "../src/faults.ts";

function problemOf(words: string): string {
  const command = parseCommand(words.split(" "));
  return command.kind === "wrong" ? command.problem : command.kind;
}

describe("the command line of the simulator", () => {
  test("runs 200 seeds from the first on unless told otherwise", () => {
    expect(parseCommand([])).toMatchObject({ kind: "run", from: 1, seeds: 200, isShrunk: false });
    expect(parseCommand(["--seeds", "3", "--from", "7", "--shrink"])).toMatchObject({
      from: 7,
      seeds: 3,
      isShrunk: true,
    });
  });

  test("takes one seed, and what makes its run smaller", () => {
    const words = "--seed 5 --users 2 --devices 1 --actions 9 --without pause,loseNote --trace all.txt";
    expect(parseCommand(words.split(" "))).toEqual({
      kind: "run",
      from: 5,
      seeds: 1,
      limits: { users: 2, devices: 1, actions: 9, without: ["pause", "loseNote"] },
      isShrunk: false,
      traceFile: "all.txt",
    });
  });

  test("explains itself, every fault included", () => {
    expect(parseCommand(["--help"])).toEqual({ kind: "help" });
    for (const name of faultNames) expect(helpText).toContain(name);
  });

  test.each([
    ["--seed abc", '--seed wants a whole number from 0 on, not "abc".'],
    ["--seeds 0", '--seeds wants a whole number from 1 on, not "0".'],
    ["--seeds=-5", '--seeds wants a whole number from 1 on, not "-5".'],
    ["--users 1", '--users wants a whole number from 2 on, not "1".'],
    ["--without foo", '--without knows no fault "foo"'],
    ["--seed 1 --seeds 2", "--seed is one"],
    ["--seeds -5", "--seeds wants a value"],
    ["20", "Unexpected argument '20'"],
    ["--foo", "Unknown option '--foo'"],
    ["--trace", "--trace"],
  ])("refuses %s in one line that names it", (words, says) => {
    const problem = problemOf(words);
    expect(problem).toContain(says);
    expect(problem).toMatch(/^[^\n]+\.$/);
  });
});
