/**
 * What a disk holds after the power failed: everything that was flushed, and of what was written since any part, whole,
 * torn or as garbage. Remembers each operation on the database's file and its log from the opening on.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DiskFile, DiskJudge, DiskOperation } from "./failing-disk.ts";

type Change = Exclude<DiskOperation, { kind: "flush" }>;

const SECTOR_BYTES = 512;
const files: readonly DiskFile[] = ["database", "log"];

export class RememberingDisk {
  readonly #flushed: Record<DiskFile, Uint8Array<ArrayBuffer>>;
  readonly #since: Record<DiskFile, Change[]> = { database: [], log: [] };

  /** `path`: of the database; to be made when it is open and nothing was written through the judge yet. */
  constructor(path: string) {
    this.#flushed = { database: readIfThere(path), log: readIfThere(`${path}-wal`) };
  }

  /** To be called with each operation that is let through. */
  readonly remember: DiskJudge = (operation) => {
    if (operation.kind !== "flush") {
      this.#since[operation.file].push(operation);
      return undefined;
    }
    const { file } = operation;
    for (const change of this.#since[file]) this.#flushed[file] = apply(this.#flushed[file], change);
    this.#since[file] = [];
    return undefined;
  };

  /** Writes since the last flush, of both files. */
  get unflushed(): number {
    return this.#since.database.length + this.#since.log.length;
  }

  /** The files as they may be found after a loss of power now; `random` decides what became of each unflushed sector. */
  afterPowerLoss(random: () => number): LostPower {
    const folder = mkdtempSync(join(tmpdir(), "duologue-power-"));
    const path = join(folder, "store.db");
    for (const file of files) {
      let content = this.#flushed[file].slice();
      for (const change of this.#since[file]) {
        for (const part of survivors(change, random)) content = apply(content, part);
      }
      writeFileSync(file === "database" ? path : `${path}-wal`, content);
    }
    return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
  }
}

export interface LostPower extends Disposable {
  readonly path: string;
}

/** What of one write reached the disk: nothing, all, or some of its sectors, a few of them as garbage. */
function survivors(change: Change, random: () => number): readonly Change[] {
  const luck = random();
  if (luck < 0.3) return [];
  if (luck < 0.5 || change.kind === "truncate") return [change];
  const parts: Change[] = [];
  for (let start = 0; start < change.bytes.length; start += SECTOR_BYTES) {
    const fate = random();
    if (fate < 0.4) continue;
    const bytes = change.bytes.slice(start, start + SECTOR_BYTES);
    if (fate > 0.9) for (let at = 0; at < bytes.length; at += 1) bytes[at] = Math.floor(random() * 256);
    parts.push({ ...change, offset: change.offset + start, bytes });
  }
  return parts;
}

function apply(content: Uint8Array<ArrayBuffer>, change: Change): Uint8Array<ArrayBuffer> {
  if (change.kind === "truncate") return resized(content, change.bytes);
  const end = change.offset + change.bytes.length;
  const grown = content.length < end ? resized(content, end) : content;
  grown.set(change.bytes, change.offset);
  return grown;
}

/** Always a copy that may be changed. */
function resized(content: Uint8Array, bytes: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  copy.set(content.subarray(0, bytes));
  return copy;
}

function readIfThere(path: string): Uint8Array<ArrayBuffer> {
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : new Uint8Array();
}
