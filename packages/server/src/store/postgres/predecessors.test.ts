/** Whose process of the server is ended, and whose is not. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { DEFAULT_TIMES } from "./address.ts";
import { Connection } from "./connection.ts";
import { Predecessors } from "./predecessors.ts";

setDefaultTimeout(60_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

function connect(name: string): Promise<Connection> {
  const address = { url: server?.url() ?? "", ca: undefined };
  return Connection.open({ address, times: DEFAULT_TIMES, clock: systemClock, name });
}

function isThere(connection: Connection): Promise<boolean> {
  return connection.ask("SELECT 1").then(
    () => true,
    () => false,
  );
}

test("those that were left are ended, and nobody else who has their number by now, nor what bears another name", async () => {
  const [own, left, other, stranger] = await Promise.all(["node", "node", "node", "stranger"].map(connect));
  if (!own || !left || !other || !stranger) throw new Error("not all are connected");
  const predecessors = new Predecessors();
  for (const { backend } of [left, own, stranger]) predecessors.add(backend);
  predecessors.add({ pid: other.backend?.pid ?? 0, begun: "1" });
  predecessors.add(undefined);
  await predecessors.end(own, systemClock);
  await until(async () => !(await isThere(left)), "it has ended");
  expect(await Promise.all([own, other, stranger].map(isThere))).toEqual([true, true, true]);
  // Once is enough: nothing is asked any more.
  own.close();
  await predecessors.end(own, systemClock);
  for (const connection of [left, other, stranger]) connection.close();
});
