/** The doctor's look at a data directory: whose it is, its room, what tokens are signed with. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Finding, fine, worth, wrong } from "./findings.ts";
import { sizeOf } from "./start-up.ts";
import { readTokenSecret, TOKEN_SECRET, UnusableSecretError } from "./token-secret.ts";
import { formatBytes } from "./units.ts";
import { DATABASE } from "./visit.ts";

/** What the machine says of itself. */
export interface Machine {
  /** In the file system of this directory. */
  freeBytes(directory: string): number;
  /** Who asks; undefined where users have no numbers. */
  userId(): number | undefined;
}

const MIN_FREE_BYTES = 64 * 1_048_576;
const GOOD_FREE_BYTES = 1024 * 1_048_576;

export interface DirectoryFindings {
  /** And can be looked into. */
  readonly isThere: boolean;
  readonly findings: readonly Finding[];
}

export function examineDirectory(directory: string, machine: Machine): DirectoryFindings {
  if (!existsSync(directory)) {
    const finding = worth(
      `data: there is no ${directory} yet`,
      "The first `duologue serve` makes it; or name another by --data.",
    );
    return { isThere: false, findings: [finding] };
  }
  if (!statSync(directory).isDirectory()) {
    const finding = wrong(`data: ${directory} is no directory`, "Name another one by --data.");
    return { isThere: false, findings: [finding] };
  }
  const isWritable = canWrite(directory);
  const findings = [
    isWritable
      ? fine(`data: ${directory} can be written`)
      : wrong(
          `data: ${directory} cannot be written`,
          "Give it to the server's user: chown -R USER, chmod 700.",
        ),
    ...examineOwner(directory, machine.userId()),
    ...(isWritable ? [examineRoom(directory, machine), ...examineSecret(directory)] : []),
  ];
  return { isThere: isWritable, findings };
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function* examineOwner(directory: string, own: number | undefined): Generator<Finding> {
  const { uid, mode } = statSync(directory);
  if (own !== undefined && uid !== own)
    yield worth(
      `data: belongs to user ${uid}, and this is user ${own}`,
      "Run the server, and this, as the owner.",
    );
  if ((mode & 0o077) !== 0)
    yield worth("data: other users of this machine can look into it", `chmod 700 ${directory}`);
}

function examineRoom(directory: string, machine: Machine): Finding {
  const free = machine.freeBytes(directory);
  const path = join(directory, DATABASE);
  const [stored, logged] = [sizeOf(path), sizeOf(`${path}-wal`)];
  const text = `room: ${formatBytes(free)} free; the messages take ${formatBytes(stored)}, their log ${formatBytes(logged)}`;
  if (free < MIN_FREE_BYTES) return wrong(text, "Make room: on a full disk no message is taken.");
  if (free < Math.max(GOOD_FREE_BYTES, stored + logged))
    return worth(text, "A back-up beside the data will need as much again.");
  return fine(text);
}

function* examineSecret(directory: string): Generator<Finding> {
  const path = join(directory, TOKEN_SECRET);
  if (!existsSync(path)) {
    if (sizeOf(join(directory, DATABASE)) > 0)
      yield worth(
        `secret: ${TOKEN_SECRET} is missing`,
        "Put it back from a back-up, or every guest will be a stranger.",
      );
    return;
  }
  try {
    readTokenSecret(directory);
  } catch (error) {
    if (!(error instanceof UnusableSecretError)) throw error;
    yield wrong(
      `secret: ${TOKEN_SECRET} cannot be used: ${error.message}`,
      "Put it back from a back-up (duologue restore FILE); without it, every guest is a stranger.",
    );
    return;
  }
  if ((statSync(path).mode & 0o077) !== 0)
    yield wrong(
      `secret: ${TOKEN_SECRET} can be read by others, who could be anybody with it`,
      `chmod 600 ${path}`,
    );
}
