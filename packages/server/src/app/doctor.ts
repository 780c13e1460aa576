/** `duologue doctor`: what an operator would look at, one finding a line. Looks only; changes nothing, stops nothing. */
import type { Clock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import { askPrimary } from "../link/control.ts";
import type { ControlReply } from "../link/control-types.ts";
import { NoServerError } from "../link/no-server-error.ts";
import type { StoreHealth } from "../store/index.ts";
import { version } from "../version.ts";
import { examineBus } from "./doctor-bus.ts";
import { examineDatabase } from "./doctor-database.ts";
import { examineDirectory, type Machine } from "./doctor-directory.ts";
import { examineFiles } from "./doctor-limits.ts";
import { examinePostgres } from "./doctor-postgres.ts";
import { freeBytes } from "./files.ts";
import { type Finding, fine, type StoreFindings, worth, wrong } from "./findings.ts";
import { findListeners } from "./port-owner.ts";
import { findPort } from "./start-up.ts";

export interface Patient {
  /** Absolute. */
  readonly dataDirectory: string;
  /** Undefined where it has problems. */
  readonly config: Config | undefined;
  readonly problems: readonly string[];
  readonly clock: Pick<Clock, "now" | "after">;
  /** This one, unless said. */
  readonly machine?: Machine;
}

const thisMachine: Machine = { freeBytes, userId: () => process.getuid?.() };

type Status = Extract<ControlReply, { type: "status" }>;
/** `silent`: there is one, or what one left, but it does not answer. */
type Server = Status | "none" | "silent";

const ANSWER_MS = 3_000;
const CLOCK_TOLERANCE_MS = 60_000;
/** 2024-01-01: a clock before it was never set. */
const EARLIEST_MS = 1_704_067_200_000;

/** Findings as they come: the look at the database may take a while. */
export async function* examine(patient: Patient): AsyncGenerator<Finding> {
  const { config, problems, dataDirectory, clock, machine = thisMachine } = patient;
  yield* examineConfig(config, problems);
  const directory = examineDirectory(dataDirectory, machine);
  yield* directory.findings;
  const server = directory.isThere ? await findServer(patient) : "none";
  yield* examineServer(server);
  const inspection = await lookAtStore(patient, directory.isThere, server);
  if (inspection !== undefined) yield* inspection.findings;
  yield examineVersions(inspection?.facts);
  if (config !== undefined) {
    yield await examinePort(config, server);
    yield* examineFiles(pidsOf(server), config.limits.connectionsPerWorker);
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
    if (kind !== "well") yield wrong(`server: takes no messages: ${problem ?? kind}`, advices[kind]);
  }
}

const again = "See its log and the disk; it tries again by itself.";
const advices: Readonly<Record<Exclude<StoreHealth["kind"], "well">, string>> = {
  full: again,
  failed: again,
  damaged: "Stop it, keep a copy of the directory, and restore the last back-up: duologue restore FILE.",
  moved: "Do not stop it before you have read docs/operation.md, “The file is taken away”.",
  fenced: "It ends by itself: another one has its data directory.",
};

function pidsOf(server: Server): readonly number[] {
  return typeof server === "string" ? [] : [server.primary, ...server.workers].map(({ pid }) => pid);
}

async function lookAtStore(
  { config, dataDirectory, clock }: Patient,
  isThere: boolean,
  server: Server,
): Promise<StoreFindings | undefined> {
  if (config?.store.kind === "postgres") return examinePostgres(config.store.url, config.storeCa, clock);
  const isServed = typeof server === "object" && server.store.address === undefined;
  return isThere ? examineDatabase(dataDirectory, isServed) : undefined;
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
