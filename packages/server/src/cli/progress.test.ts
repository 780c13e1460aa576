import { describe, expect, test } from "bun:test";
import { ProgressBar } from "./progress.ts";

function makeBar(isTerminal: boolean): { bar: ProgressBar; written: string[]; wait: (ms: number) => void } {
  const written: string[] = [];
  let now = 1_000;
  const bar = new ProgressBar({
    clock: { monotonic: () => now },
    write: (text) => written.push(text),
    isTerminal,
  });
  const wait = (ms: number): void => {
    now += ms;
  };
  return { bar, written, wait };
}

describe("progress in a terminal", () => {
  test("is one line that is drawn over itself, with percent, rate and the time that is left", () => {
    const { bar, written, wait } = makeBar(true);
    bar.show("copying", 0, 4_000, "rows");
    wait(1_000);
    bar.show("copying", 1_000, 4_000, "rows");
    wait(3_000);
    bar.show("copying", 4_000, 4_000, "rows");
    bar.end();
    expect(written).toEqual([
      `\r\u001b[Kcopying ${"░".repeat(24)} 0 %, 0 of 4000 rows`,
      `\r\u001b[Kcopying ${"█".repeat(6)}${"░".repeat(18)} 25 %, 1000 of 4000 rows, 1000 a second, 3s left`,
      `\r\u001b[Kcopying ${"█".repeat(24)} 100 %, 4000 of 4000 rows, 1000 a second`,
      "\n",
    ]);
  });

  test("is drawn ten times a second, and at the end; another phase begins on a line of its own", () => {
    const { bar, written, wait } = makeBar(true);
    for (let done = 0; done <= 300; done += 1) {
      bar.show("copying", done, 300, "rows");
      wait(1);
    }
    expect(written).toHaveLength(4);
    bar.show("checking", 1, 2, "rows");
    expect(written.slice(4)).toEqual(["\n", expect.stringContaining("checking")]);
  });
});

describe("progress elsewhere", () => {
  test("is a line for every ten percent, without signs for terminals", () => {
    const { bar, written, wait } = makeBar(false);
    for (let done = 0; done <= 1_000; done += 7) {
      bar.show("copying", done, 1_000, "rows");
      wait(20);
    }
    bar.show("copying", 1_000, 1_000, "rows");
    bar.end();
    expect(written).toHaveLength(10);
    expect(written[4]).toBe("copying: 50 %, 504 of 1000 rows, 350 a second, 1s left\n");
    expect(written.at(-1)).toMatch(/^copying: 100 %, 1000 of 1000 rows, \d+ a second\n$/);
  });

  test("of nothing at all is all of it", () => {
    const { bar, written } = makeBar(false);
    bar.show("copying", 0, 0, "rows");
    expect(written).toEqual(["copying: 100 %, 0 of 0 rows\n"]);
  });
});
