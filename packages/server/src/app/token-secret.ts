/** What guests' tokens are signed with, in a file of the data directory: whoever loses it makes all of them strangers. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { giveToOwner, publishFile } from "./files.ts";

export const TOKEN_SECRET = "token-secret";
/** Ours have 43. */
const MIN_CHARACTERS = 32;

/** The file is there, and no secret can be had from it; the message is what is wrong with it, without a full stop. */
export class UnusableSecretError extends Error {
  override readonly name = "UnusableSecretError";
}

/** Undefined when there is none. Throws UnusableSecretError. */
export function readTokenSecret(directory: string): string | undefined {
  const path = join(directory, TOKEN_SECRET);
  if (!existsSync(path)) return undefined;
  if (!statSync(path).isFile()) throw new UnusableSecretError("it is no file");
  const secret = readText(path);
  if (isTokenSecret(secret)) return secret;
  throw new UnusableSecretError(
    secret === ""
      ? "it is empty"
      : `it has ${secret.length} characters, and at least ${MIN_CHARACTERS} are needed`,
  );
}

/** Long enough that nobody guesses it, and not cut off. */
export function isTokenSecret(text: string): boolean {
  return text.trim().length >= MIN_CHARACTERS;
}

/** Made now; it is on the disk as a whole before anything is signed with it. */
export function makeTokenSecret(directory: string, clock: Pick<Clock, "randomId">): string {
  const secret = clock.randomId(32);
  putTokenSecret(directory, secret);
  return secret;
}

/** In one step, however it is interrupted. For whoever holds the lock of the directory. */
export function putTokenSecret(directory: string, secret: string): void {
  const path = join(directory, TOKEN_SECRET);
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, secret, { mode: 0o600, flag: "wx" });
  giveToOwner(directory, temporary);
  publishFile(temporary, path, true);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UnusableSecretError(`it cannot be read (${(error as Error).message})`);
  }
}
