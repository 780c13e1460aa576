/** The wire suite over PostgreSQL: clients must not notice where their messages are kept. */
import { afterAll, beforeAll } from "bun:test";
import { PostgresServer, type Server, startServer } from "@duologue/testing";
import { wireTests } from "./wire/suite.ts";
import { addressTarget } from "./wire/target.ts";

let postgres: PostgresServer | undefined;
let server: Server | undefined;

beforeAll(async () => {
  postgres = await PostgresServer.start();
  server = await startServer({ workers: 2, options: ["--store", postgres.url()] });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

wireTests(
  "PostgreSQL",
  addressTarget(() => server?.url ?? ""),
);
