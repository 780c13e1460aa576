/** What holds for the repository as a whole. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  findHiddenTime,
  findSkippedTests,
  findSleeps,
  findUnnamedExports,
  findUnsafe,
} from "./architecture/forbidden.ts";
import { findRings, findWrongImports } from "./architecture/layers.ts";
import { specIds, testedIds } from "./architecture/rules.ts";
import { findLongFiles, findLongFunctions } from "./architecture/sizes.ts";
import { parseSource, readSources, readStyles, root } from "./architecture/source.ts";
import { makePages } from "./docs.ts";

const files = readSources();

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

describe("imports", () => {
  test("form no ring, types included", () => {
    expect(findRings(files)).toEqual([]);
  });

  test("point one way between packages and between the parts of the server, through doors, by the file's name", () => {
    expect(findWrongImports(files)).toEqual([]);
  });

  test("each package has one door, the client a second one for tests, the web one for the widget; with named exports only", () => {
    const doors = ["protocol", "client", "web"].map(
      (name) => JSON.parse(read(`packages/${name}/package.json`)).exports,
    );
    const client = { ".": "./src/index.ts", "./testing": "./src/testing/index.ts" };
    const web = { ".": "./src/index.ts", "./widget": "./src/widget/index.ts" };
    expect(doors).toEqual(["./src/index.ts", client, web]);
    expect(findUnnamedExports(files)).toEqual([]);
  });
});

describe("sizes", () => {
  test("no file is longer than 400 lines, style sheets included", () => {
    const styles = readStyles();
    expect(styles.length).toBeGreaterThan(1);
    expect(findLongFiles([...files, ...styles])).toEqual([]);
  });

  test("no function is longer than 70 lines", () => {
    expect(findLongFunctions(files)).toEqual([]);
  });
});

describe("the source", () => {
  test("takes time, timers and randomness through the clock", () => {
    expect(findHiddenTime(files)).toEqual([]);
  });

  test("waits for events, not for time to pass", () => {
    expect(findSleeps(files)).toEqual([]);
  });

  test("holds no any, no HTML from text, no code from text", () => {
    expect(findUnsafe(files)).toEqual([]);
  });

  test("skips no test", () => {
    expect(findSkippedTests(files)).toEqual([]);
  });

  test("names no directory of the machine it was written on", () => {
    const places = /(?:^|[\s"'`(=])\/(?:work|root|home)\/[a-z]/m;
    expect(files.filter(({ text }) => places.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

describe("SPEC.md", () => {
  const ids = specIds(read("packages/protocol/SPEC.md"));
  const tested = testedIds(files);

  test("gives each rule an id of its own", () => {
    expect(ids.length).toBeGreaterThan(50);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  test("has a test for every rule", () => {
    expect(ids.filter((id) => !tested.has(id))).toEqual([]);
  });

  test("has every rule that a test bears in its title", () => {
    expect(
      [...tested].filter(([id]) => !ids.includes(id)).flatMap(([id, places]) => `${id}: ${places}`),
    ).toEqual([]);
  });
});

describe("reference pages", () => {
  test.each([...makePages()])("%s is what `npm run docs` makes", (path, text) => {
    expect(existsSync(join(root, path))).toBe(true);
    expect(read(path)).toBe(text);
  });
});

describe("these checks themselves", () => {
  const sample = (text: string, path = "packages/client/src/sample.ts") => [parseSource(path, text)];

  test("see time behind globalThis, in new Date() and in imported timers", () => {
    expect(findHiddenTime(sample("globalThis.setTimeout(f, 1); Date.now(); new Date();"))).toHaveLength(3);
    expect(findHiddenTime(sample('import { setTimeout } from "node:timers/promises";'))).toHaveLength(1);
    expect(findHiddenTime(sample("new Date(0); clock.now(); after(1, f);"))).toEqual([]);
  });

  test("see a sleep in a test, but not a deadline", () => {
    const path = "packages/client/src/sample.test.ts";
    expect(findSleeps(sample("await new Promise((r) => setTimeout(r, 5));", path))).toHaveLength(1);
    expect(findSleeps(sample("setTimeout(() => reject(late), 5);", path))).toEqual([]);
  });

  test("see any, HTML and eval", () => {
    const text = "let x: any; node.innerHTML = y; eval(z); new Function(z); const innerHTML = 1;";
    expect(findUnsafe(sample(text))).toHaveLength(4);
  });

  test("see an import that points the wrong way, also of a type", () => {
    const path = "packages/server/src/domain/sample.ts";
    const text = 'import type { Gateway } from "../gateway/context.ts";';
    expect(findWrongImports(sample(text, path))).toHaveLength(1);
    expect(findWrongImports(sample('type G = import("../gateway/context.ts").Gateway;', path))).toHaveLength(
      1,
    );
    expect(findWrongImports(sample('import { x } from "@duologue/client";', path))).toHaveLength(1);
    expect(
      findWrongImports(sample('import { x } from "@duologue/protocol/src/limits.ts";', path)),
    ).toHaveLength(1);
    expect(findWrongImports(sample('import { x } from "../clock";', path))).toHaveLength(1);
    expect(findWrongImports(sample('import { x } from "../clock.ts";', path))).toEqual([]);
  });

  test("see a ring", () => {
    const files = [
      parseSource("packages/client/src/a.ts", 'import type { B } from "./b.ts";'),
      parseSource("packages/client/src/b.ts", 'export { a } from "./a.ts";'),
    ];
    expect(findRings(files)).toEqual([
      "packages/client/src/a.ts → packages/client/src/b.ts → packages/client/src/a.ts",
    ]);
  });

  test("read the rule ids of titles", () => {
    const text =
      'test("[CV6, CV7] both", f); test.each(t)("[HL1] one", f); scenario(`[BI2] $' +
      '{name}`, f); test("[no] id", f);';
    expect([...testedIds(sample(text, "packages/client/src/sample.test.ts")).keys()]).toEqual([
      "CV6",
      "CV7",
      "HL1",
      "BI2",
    ]);
  });
});
