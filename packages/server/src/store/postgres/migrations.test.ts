import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { DEFAULT_TIMES } from "./address.ts";
import { Connection } from "./connection.ts";
import { makeAddress, makeFacts } from "./fixture.ts";
import { migrate } from "./migrations.ts";

// Making a database cluster takes seconds.
setDefaultTimeout(60_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

test("of nodes that start at the same time on an empty database one makes the tables, and all find the same data", async () => {
  if (server === undefined) throw new Error("there is no PostgreSQL");
  for (let round = 0; round < 5; round += 1) {
    const { schema = "", ...address } = makeAddress(server);
    const start = async () => {
      const connection = await Connection.open({
        address: { ...address, schema },
        clock: systemClock,
        times: DEFAULT_TIMES,
        name: "a node",
      });
      try {
        return await migrate(connection, schema, makeFacts());
      } finally {
        connection.close();
      }
    };
    const [first, ...others] = await Promise.all([start(), start(), start(), start()]);
    for (const other of others) expect(other).toEqual(first);
  }
});
