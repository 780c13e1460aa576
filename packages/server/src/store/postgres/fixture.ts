/** A real PostgreSQL for the tests of a file, and for each test tables of its own in it. */
import type { PostgresServer } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import type { StoreFixture, StoreSetup } from "../contract.ts";
import type { PostgresAddress } from "./address.ts";
import type { DataFacts } from "./migrations.ts";
import { openPostgresStore } from "./store.ts";

/** One name for each place: of a schema, which is made at once, where a database would take a while. */
export function makeAddress(server: PostgresServer): PostgresAddress {
  return { url: server.url(), ca: undefined, schema: `s_${systemClock.uuid().replaceAll("-", "")}` };
}

export function makeFacts(): DataFacts {
  const name = (): string => systemClock.randomId(8).toLowerCase().replace(/[-_]/g, "x");
  return { epoch: name(), realm: name(), secret: systemClock.randomId() };
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
