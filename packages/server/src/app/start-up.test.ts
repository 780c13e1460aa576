import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkOwner, StartError } from "./start-up.ts";

test("a directory for the socket in the temporary one is taken only if nobody else can enter it", () => {
  const directory = mkdtempSync(join(tmpdir(), "duologue-"));
  try {
    chmodSync(directory, 0o700);
    expect(() => checkOwner(directory)).not.toThrow();
    chmodSync(directory, 0o755);
    expect(() => checkOwner(directory)).toThrow(StartError);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
