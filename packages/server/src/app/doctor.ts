/** `duologue doctor`: what an operator would look at, one finding a line. Looks only; changes nothing, stops nothing. */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import { askPrimary, NoServerError } from "../link/control.ts";
import type { ControlReply } from "../link/control-types.ts";
import { inspectDatabase } from "../store/index.ts";
import { version } from "../version.ts";
import { examineBus } from "./doctor-bus.ts";
import { examinePostgres } from "./doctor-postgres.ts";
import { freeBytes } from "./files.ts";
import { type Finding, fine, type StoreFindings, worth, wrong } from "./findings.ts";
import { findListeners } from "./port-owner.ts";
import { findPort, sizeOf } from "./start-up.ts";
import { DATABASE, visit } from "./visit.ts";

export interface Patient {
  /** Absolute. */
  readonly dataDirectory: string;
  /** Undefined where it has problems. */
  readonly config: Config | undefined;
  readonly problems: readonly string[];
  readonly clock: Pick<Clock, "now" | "after">;
}

type Status = Extract<ControlReply, { type: "status" }>;
/** `silent`: there is one, or what one left, but it does not answer. */
type Server = Status | "none" | "silent";

const ANSWER_MS = 3_000;
const MIN_FREE_BYTES = 64 * 1_048_576;
const GOOD_FREE_BYTES = 1024 * 1_048_576;
/** Open files of a worker that are no connections: SQLite's, the link's, the runtime's own. */
const OWN_FILES = 64;
const CLOCK_TOLERANCE_MS = 60_000;
/** 2024-01-01: a clock before it was never set. */
const EARLIEST_MS = 1_704_067_200_000;

/** Findings as they come: the look at the database may take a while. */
export async function* examine(patient: Patient): AsyncGenerator<Finding> {
  const { config, problems, dataDirectory, clock } = patient;
  yield* examineConfig(config, problems);
  const directory = examineDirectory(dataDirectory);
  yield* directory.findings;
  const server = directory.isThere ? await findServer(patient) : "none";
  yield* examineServer(server);
  const inspection = await lookAtStore(patient, directory.isThere);
  if (inspection !== undefined) yield* inspection.findings;
  yield examineVersions(inspection?.facts);
  if (config !== undefined) {
    yield await examinePort(config, server);
    yield examineFileLimit(config);
    yield* examineBus(config, typeof server === "object" ? server.cluster : undefined);
  }
  yield examineClock(clock.now(), inspection?.facts?.lastTime ?? 0);
}

function* examineConfig(config: Config | undefined, problems: readonly string[]): Generator<Finding> {
  for (const problem of problems)
    yield wrong(`configuration: ${problem}`, "Correct it; `duologue serve --help` names every option.");
  if (config !== undefined) {
    yield fine(`configuration: ${config.config ?? "no file; defaults, environment and command line"}`);
  }
}

function examineDirectory(directory: string): { isThere: boolean; findings: readonly Finding[] } {
  if (!existsSync(directory)) {
    const finding = worth(
      `data: there is no ${directory} yet`,
      "The first `duologue serve` makes it; or name another by --data.",
    );
    return { isThere: false, findings: [finding] };
  }
  const { uid, mode } = statSync(directory);
  const own = process.getuid?.();
  const isOwn = own === undefined || uid === own;
  const isWritable = canWrite(directory);
  const findings = [
    isWritable
      ? fine(`data: ${directory} can be written`)
      : wrong(
          `data: ${directory} cannot be written`,
          "Give it to the server's user: chown -R USER, chmod 700.",
        ),
    ...(isOwn
      ? []
      : [
          worth(
            `data: belongs to user ${uid}, and this is user ${own}`,
            "Run the server, and this, as the owner.",
          ),
        ]),
    ...((mode & 0o077) === 0
      ? []
      : [worth("data: other users of this machine can look into it", `chmod 700 ${directory}`)]),
    examineRoom(directory),
    ...examineSecret(directory),
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

function examineRoom(directory: string): Finding {
  const free = freeBytes(directory);
  const stored = sizeOf(join(directory, DATABASE));
  const text = `room: ${inMegabytes(free)} free, the messages take ${inMegabytes(stored)}`;
  if (free < MIN_FREE_BYTES) return wrong(text, "Make room: on a full disk no message is taken.");
  if (free < Math.max(GOOD_FREE_BYTES, stored))
    return worth(text, "A back-up beside the data will need as much again.");
  return fine(text);
}

function* examineSecret(directory: string): Generator<Finding> {
  const path = join(directory, "token-secret");
  if (!existsSync(path)) {
    if (existsSync(join(directory, DATABASE)))
      yield worth(
        "secret: token-secret is missing",
        "Put it back from a back-up, or every guest will be a stranger.",
      );
    return;
  }
  const isOwnOnly = (statSync(path).mode & 0o077) === 0;
  if (!isOwnOnly)
    yield wrong(
      "secret: token-secret can be read by others, who could be anybody with it",
      `chmod 600 ${path}`,
    );
}

async function findServer({ dataDirectory, clock }: Patient): Promise<Server> {
  const asked = (async (): Promise<Server> => {
    for await (const reply of askPrimary(dataDirectory, { type: "status" })) {
      if (reply.type === "status") return reply;
    }
    return "silent";
  })();
  const late = new Promise<Server>((resolve) => void clock.after(ANSWER_MS, () => resolve("silent")));
  try {
    return await Promise.race([asked, late]);
  } catch (error) {
    if (error instanceof NoServerError) return "none";
    throw error;
  }
}

function* examineServer(server: Server): Generator<Finding> {
  if (server === "none") yield fine("server: none runs on this directory");
  else if (server === "silent")
    yield wrong(
      "server: there is one, and it does not answer",
      "See its log; end it with SIGTERM, then SIGKILL, and start it again.",
    );
  else {
    const { pid, version: running } = server.primary;
    yield fine(`server: runs as pid ${pid} with ${server.workers.length} workers`);
    if (running !== version)
      yield worth(
        `server: runs version ${running}, and this is ${version}`,
        "Restart it to run this version.",
      );
    const { kind, problem } = server.store.health;
    if (kind !== "well")
      yield wrong(
        `server: takes no messages: ${problem ?? kind}`,
        "See its log and the disk; it tries again by itself.",
      );
  }
}

async function lookAtStore(
  { config, dataDirectory, clock }: Patient,
  isThere: boolean,
): Promise<StoreFindings | undefined> {
  if (config?.store.kind === "postgres") return examinePostgres(config.store.url, config.storeCa, clock);
  return isThere ? lookAtDatabase(dataDirectory) : undefined;
}

function lookAtDatabase(directory: string): StoreFindings | undefined {
  const path = join(directory, DATABASE);
  if (!existsSync(path)) return { facts: undefined, findings: [fine("messages: none yet")] };
  try {
    using _place = visit(directory);
    const facts = inspectDatabase(path);
    if (facts.damage.length > 0) {
      const advice =
        "Stop the server, keep a copy of the directory, and restore the last back-up: duologue restore FILE.";
      return {
        facts: { ...facts, engine: `SQLite ${facts.sqlite}` },
        findings: facts.damage.map((problem) => wrong(`messages: ${problem}`, advice)),
      };
    }
    const { users, conversations, events } = facts;
    const held = `${events} events in ${conversations} conversations of ${users} users`;
    return {
      facts: { ...facts, engine: `SQLite ${facts.sqlite}` },
      findings: [fine(`messages: ${held}; pages, numbers, markers and cursors are right`)],
    };
  } catch (error) {
    const advice = "If it is this program's, restore the last back-up: duologue restore FILE.";
    return { facts: undefined, findings: [wrong(`messages: ${(error as Error).message}`, advice)] };
  }
}

function examineVersions(facts: StoreFindings["facts"]): Finding {
  const text = `versions: Duologue ${version}, Bun ${Bun.version}${facts === undefined ? "" : `, ${facts.engine}, tables ${facts.version}`}`;
  if (facts === undefined || facts.version === facts.newestVersion) return fine(text);
  return worth(
    `${text} of ${facts.newestVersion}`,
    "The next start brings the tables up to date; take a back-up before.",
  );
}

async function examinePort({ host, port }: Config, server: Server): Promise<Finding> {
  if (port === 0) return fine("port: any free one");
  const isOurs = typeof server === "object" && new URL(server.primary.address).port === String(port);
  if (isOurs) return fine(`port: ${port} is this server's`);
  try {
    await findPort(host, port);
    return fine(`port: ${port} on ${host} is free`);
  } catch (error) {
    const owners = findListeners(port);
    const by = owners.length === 0 ? "" : ` Taken by ${owners.join(", ")}.`;
    return wrong(`port: ${(error as Error).message}${by}`, "End that program, or choose another port.");
  }
}

function examineFileLimit({ limits }: Config): Finding {
  const [, soft = ""] = /^Max open files\s+(\S+)/m.exec(readLimits()) ?? [];
  if (soft === "") return fine("files: how many may be open is not known on this system");
  const connections = soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft) - OWN_FILES;
  const text = `files: ${soft} may be open, enough for ${connections} connections of one worker`;
  if (connections >= limits.connectionsPerWorker) return fine(text);
  return worth(
    `${text}; ${limits.connectionsPerWorker} are allowed`,
    "Raise it where the server is started (ulimit -n, LimitNOFILE=), or lower connectionsPerWorker.",
  );
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}

function examineClock(now: number, lastTime: number): Finding {
  const text = `clock: ${new Date(now).toISOString()}`;
  if (now < EARLIEST_MS)
    return wrong(`${text} is long past`, "Set the clock: tokens and times depend on it.");
  if (lastTime > now + CLOCK_TOLERANCE_MS)
    return wrong(
      `${text}, and the last message is from ${new Date(lastTime).toISOString()}`,
      "Set the clock: it was set back, or is wrong.",
    );
  return fine(text);
}

function inMegabytes(bytes: number): string {
  return `${Math.floor(bytes / 1_048_576)} MB`;
}
