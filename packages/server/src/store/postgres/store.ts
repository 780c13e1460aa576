/** The whole store in one process: for tests, and for tools. The server splits it over primary and workers. */
import type { Clock } from "../../clock.ts";
import type { Note } from "../../ports/bus.ts";
import type { Store, UserId } from "../../ports/store.ts";
import { BatchingWriter } from "../batch.ts";
import { composeStore } from "../compose.ts";
import type { StoreHealth } from "../health.ts";
import type { PostgresAddress, PostgresTimes } from "./address.ts";
import { PostgresKeeper } from "./keeper.ts";
import type { DataFacts } from "./migrations.ts";
import { PostgresReader } from "./reader.ts";

export interface PostgresStoreOptions {
  readonly address: PostgresAddress;
  readonly clock: Clock;
  readonly publish: (to: readonly UserId[], note: Note) => void;
  readonly onFault: (error: unknown) => void;
  readonly onHealth?: (health: StoreHealth) => void;
  readonly onNewEpoch?: () => void;
  readonly times?: Partial<PostgresTimes>;
  readonly proposal: DataFacts;
  readonly readConnections?: number;
  readonly maxQueued?: number;
  readonly maxBatch?: number;
}

export interface PostgresStore extends Store, AsyncDisposable {
  readonly keeper: PostgresKeeper;
  readonly batching: BatchingWriter;
}

export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { address, clock, times, onHealth = () => undefined, onNewEpoch = () => undefined } = options;
  const keeper = await PostgresKeeper.open({ ...options, onHealth, onNewEpoch });
  const { epoch, realm } = keeper.facts;
  const reader = new PostgresReader({
    address,
    clock,
    times,
    epoch,
    realm,
    connections: options.readConnections,
  });
  const batching = new BatchingWriter({ ...options, committer: keeper });
  return {
    ...composeStore(reader, (request, done) => batching.submit(request, done)),
    keeper,
    batching,
    [Symbol.asyncDispose]: async () => {
      await batching.close();
      reader.close();
      keeper.close();
    },
  };
}
