/** What one check of a file in deploy/ works with. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Programs } from "./programs.ts";

export interface Stage {
  /** The folder deploy/, or a copy of it. Absolute. */
  readonly deploy: string;
  /** Empty, and removed afterwards. Absolute. */
  readonly scratch: string;
  readonly programs: Programs;
}

/** Puts a file below the scratch folder; returns its path. */
export function put({ scratch }: Stage, path: string, text: string, mode = 0o644): string {
  const target = join(scratch, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text, { mode });
  return target;
}
