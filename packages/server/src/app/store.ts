/** Either store, as a node needs it: its primary to write, its workers to read. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import type { StoreStatus } from "../link/control-types.ts";
import type { StoreSource } from "../link/worker-types.ts";
import type { Logger } from "../log.ts";
import type { StoreReads } from "../ports/store.ts";
import {
  type BatchCommitter,
  describeTrouble,
  makeEpoch,
  PostgresKeeper,
  PostgresReader,
  SqliteReader,
  type StoreHealth,
  showAddress,
} from "../store/index.ts";
import { explainFailure } from "./database-failure.ts";
import {
  findTokenSecret,
  newTokenSecret,
  openDatabase,
  refuseLogAlone,
  StartError,
  sizeOf,
} from "./start-up.ts";
import { DATABASE } from "./visit.ts";

export interface PrimaryStore {
  readonly committer: BatchCommitter;
  readonly health: StoreHealth;
  /** Names whose data it is, for all nodes. */
  readonly realm: string;
  /** Where workers read it. */
  readonly source: StoreSource;
  /** What tokens are signed with, for all nodes. */
  readonly tokenSecret: string;
  readonly place: Pick<StoreStatus, "address" | "bytes" | "walBytes">;
  /** To be called about once a second. */
  recover(): void;
  close(): void;
}

export interface StoreWishes {
  readonly config: Pick<Config, "store" | "storeCa">;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onHealth: (health: StoreHealth) => void;
  /** `source` is another one: whoever reads by the one before must end. */
  readonly onNewSource: () => void;
}

/** Rejects with StartError. */
export async function openStore(wishes: StoreWishes): Promise<PrimaryStore> {
  const { store } = wishes.config;
  return store.kind === "embedded" ? openEmbedded(wishes) : openPostgres(wishes, store.url);
}

function openEmbedded({ directory, log, onHealth }: StoreWishes): PrimaryStore {
  const path = join(directory, DATABASE);
  // Before the database is opened, which may bring it to this version.
  const secret = findTokenSecret(directory);
  refuseLogAlone(path);
  const keeper = openDatabase(path, (error) => log.error({ error }, FAILED), onHealth);
  const { realm } = keeper;
  return {
    committer: keeper,
    realm,
    source: { kind: "embedded", path },
    // Kept here: workers that begin when the file was changed or removed have the same as the others.
    tokenSecret: secret ?? newTokenSecret(directory),
    get health() {
      return keeper.health;
    },
    get place() {
      return { bytes: sizeOf(path), walBytes: sizeOf(`${path}-wal`) };
    },
    recover: () => keeper.recover(),
    close: () => keeper.close(),
  };
}

const FAILED = "the store failed; what it was asked for was refused";

async function openPostgres(
  { config, directory, clock, log, onHealth, onNewSource }: StoreWishes,
  url: string,
): Promise<PrimaryStore> {
  const address = { url, ca: config.storeCa };
  const epoch = makeEpoch(clock);
  const keeper = await PostgresKeeper.open({
    address,
    clock,
    // Not the error itself: its details may hold what people have written.
    onFault: (error) => log.error({ problem: describeTrouble(error) }, FAILED),
    onHealth,
    onNewEpoch: onNewSource,
    proposal: { epoch, realm: epoch, secret: clock.randomId(32) },
  }).catch(async (error: unknown) => {
    const { problem, advice } = await explainFailure(error, address, clock);
    const text = [`The database ${showAddress(address)} cannot be used: ${problem}.`, advice].join(" ");
    throw new StartError(text.trim());
  });
  const { facts } = keeper;
  log.info({ address: showAddress(address) }, "the database is there");
  const isMadeNow = facts.epoch === epoch;
  if (isMadeNow && existsSync(join(directory, DATABASE)))
    log.warn(
      `the database was empty, though ${directory} holds the data of an embedded store: to take them over, stop this server and run \`duologue migrate\` before anybody logs in`,
    );
  return {
    committer: keeper,
    realm: facts.realm,
    get source() {
      return { kind: "postgres" as const, ...address, epoch: keeper.facts.epoch, realm: facts.realm };
    },
    tokenSecret: facts.secret,
    get health() {
      return keeper.health;
    },
    place: { address: showAddress(address), bytes: 0, walBytes: 0 },
    recover: () => keeper.recover(),
    close: () => keeper.close(),
  };
}

/** For the reads of one worker. */
export function openReader(source: StoreSource, clock: Clock): StoreReads {
  return source.kind === "embedded"
    ? new SqliteReader(source.path)
    : new PostgresReader({ ...source, address: source, clock });
}
