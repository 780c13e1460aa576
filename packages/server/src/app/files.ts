/** Files that are there as a whole or not at all. */
import {
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";

/** What must be left on the disk when a copy of the data is there. */
export const SPARE_BYTES = 16 * 1024 * 1024;

/** In bytes, for who is not the system's administrator. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Flushes a file, or a directory's list of names, to the disk. */
export function flushPath(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Gives a flushed file its name, at once and for good; throws EEXIST when the name is taken, unless it may be replaced. */
export function publishFile(temporary: string, path: string, mayReplace: boolean): void {
  flushPath(temporary);
  if (mayReplace) renameSync(temporary, path);
  else {
    keepAlso(temporary, path);
    rmSync(temporary);
  }
  flushPath(dirname(path));
}

/** A second name for a file; where the file system has no such thing, a copy. Throws EEXIST when the name is taken. */
export function keepAlso(path: string, second: string): void {
  try {
    linkSync(path, second);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    copyFileSync(path, second, constants.COPYFILE_EXCL);
    flushPath(second);
  }
}

/** Made by the administrator, a file of the server's directory must be the server's. */
export function giveToOwner(directory: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  chownSync(path, uid, gid);
}
