import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { PostgresServer } from "@duologue/testing";
import { storeContract } from "../contract.ts";
import { makePostgresFixture } from "./fixture.ts";

// One of its tests tries hundreds of histories.
setDefaultTimeout(120_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

storeContract("PostgreSQL", async () => {
  server ??= await PostgresServer.start();
  return makePostgresFixture(server);
});
