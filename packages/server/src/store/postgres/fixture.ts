/** A real PostgreSQL for the tests of a file, and for each test tables of its own in it. */
import type { PostgresServer } from "@duologue/testing";
import { type Clock, systemClock } from "../../clock.ts";
import type { Appended, Draft, Refused } from "../../ports/store.ts";
import { expectOk } from "../contract/fixture.ts";
import type { StoreFixture, StoreSetup } from "../contract.ts";
import type { PostgresAddress, PostgresTimes } from "./address.ts";
import type { DataFacts } from "./migrations.ts";
import { openPostgresStore, type PostgresStore } from "./store.ts";

/** One name for each place: of a schema, which is made at once, where a database would take a while. */
export function makeAddress(server: PostgresServer): PostgresAddress {
  return { url: server.url(), ca: undefined, schema: `s_${systemClock.uuid().replaceAll("-", "")}` };
}

export function makeFacts(): DataFacts {
  const name = (): string => systemClock.randomId(8).toLowerCase().replace(/[-_]/g, "x");
  return { epoch: name(), realm: name(), secret: systemClock.randomId() };
}

/** The server's processes that serve nodes' writes, the youngest first. */
export async function writerProcesses(server: PostgresServer): Promise<readonly number[]> {
  const rows = await server.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'duologue writer' ORDER BY backend_start DESC",
  );
  return rows.map(({ pid }) => pid);
}

/** For code that must not fail at all. */
export function throwFault(error: unknown): never {
  throw error;
}

export async function makePostgresFixture(server: PostgresServer): Promise<StoreFixture> {
  const address = makeAddress(server);
  return {
    async open(setup: StoreSetup) {
      const store = await openPostgresStore({
        ...setup,
        address,
        onFault: throwFault,
        proposal: makeFacts(),
        readConnections: 2,
      });
      return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** A store on tables of its own, and everything it said about itself. */
export class StoreBench implements AsyncDisposable {
  readonly faults: unknown[] = [];
  /** Kinds, as they changed. */
  readonly health: string[] = [];
  readonly address: PostgresAddress;
  #store: PostgresStore | undefined;

  private constructor(server: PostgresServer) {
    this.address = makeAddress(server);
  }

  static async begin(
    server: PostgresServer,
    times: Partial<PostgresTimes> = {},
    clock: Clock = systemClock,
  ): Promise<StoreBench> {
    const bench = new StoreBench(server);
    bench.#store = await openPostgresStore({
      address: bench.address,
      clock,
      publish: () => undefined,
      onFault: (error) => bench.faults.push(error),
      onHealth: ({ kind }) => bench.health.push(kind),
      proposal: makeFacts(),
      times,
      readConnections: 2,
    });
    return bench;
  }

  get store(): PostgresStore {
    if (this.#store === undefined) throw new Error("the store is closed");
    return this.#store;
  }

  /** Their conversation. */
  async pair(names: readonly [string, string] = ["u_ann", "u_bob"]): Promise<string> {
    const [by, peer] = names;
    for (const id of names)
      expectOk(await this.store.createUser({ id, name: id, kind: "guest", createdAt: 0 }));
    return expectOk(await this.store.open({ by, with: peer, ensure: [], quota: undefined })).conversation;
  }

  append(draft: Draft): Promise<Appended | Refused> {
    return new Promise((resolve) => this.store.append(draft, resolve));
  }

  /** Somebody else at the same tables, on one connection of theirs. */
  async stranger(): Promise<Bun.ReservedSQL & AsyncDisposable> {
    const { url, schema = "" } = this.address;
    const client = new Bun.SQL({ url, max: 1, connection: { search_path: schema } });
    const reserved = await client.reserve();
    return Object.assign(reserved, { [Symbol.asyncDispose]: () => client.close({ timeout: 0 }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
  }
}
