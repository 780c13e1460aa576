import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FlagValues, gatherSources } from "./index.ts";

/** A working directory with these files in it. */
function directoryWith(files: Readonly<Record<string, string>>): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "duologue-config-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

function gather(workingDirectory: string, flags: FlagValues, environment: Record<string, string> = {}) {
  const gathered = gatherSources(flags, environment, { platform: "linux", cores: 1, workingDirectory });
  return gathered.ok ? gathered.sources.file : gathered.problems;
}

test("duologue.toml of the working directory is read if it is there", () => {
  using directory = directoryWith({ "duologue.toml": "port = 1" });
  expect(gather(directory.path, {})).toEqual({
    path: join(directory.path, "duologue.toml"),
    text: "port = 1",
  });
  using empty = directoryWith({});
  expect(gather(empty.path, {})).toBeUndefined();
});

test("a file named by the flag wins over one named by the environment", () => {
  using directory = directoryWith({
    "a.toml": "port = 1",
    "b.toml": "port = 2",
    "duologue.toml": "port = 3",
  });
  const environment = { DUOLOGUE_CONFIG: "b.toml" };
  expect(gather(directory.path, { config: ["a.toml"] }, environment)).toMatchObject({ text: "port = 1" });
  expect(gather(directory.path, {}, environment)).toMatchObject({ text: "port = 2" });
});

test("a file that was asked for and cannot be read is a fault that names who asked", () => {
  using directory = directoryWith({});
  expect(gather(directory.path, { config: ["missing.toml"] })).toEqual([
    "--config: expected a file that can be read, got missing.toml (there is none)",
  ]);
  expect(gather(directory.path, {}, { DUOLOGUE_CONFIG: "." })).toEqual([
    "DUOLOGUE_CONFIG: expected a file that can be read, got . (a directory)",
  ]);
});
