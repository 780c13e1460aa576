/** A copy into a database that holds an earlier one. What a whole copy does stands in test/migrate.test.ts. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { PostgresServer } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import type { CopiedRow } from "../copied-tables.ts";
import { PostgresCopyTarget } from "./copy-target.ts";
import { makeAddress, makeFacts } from "./fixture.ts";

setDefaultTimeout(60_000);

let server: PostgresServer | undefined;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

test("of a source that was restored since, with other keys for the same people, it becomes a copy like any other", async () => {
  const address = makeAddress(server ?? expect.unreachable());
  const { realm } = makeFacts();
  const person = (key: number, id: string): CopiedRow => [key, id, id, "member", 0, null, 0];
  const copy = async (epoch: string, rows: readonly CopiedRow[]): Promise<number> => {
    using target = await PostgresCopyTarget.open({ address, clock: systemClock });
    await target.begin({ epoch, realm }, "secret", "secret");
    // In two chunks, of which the first one meets what an earlier copy has left in the second.
    const first = rows.filter(([key]) => Number(key) <= 4_096);
    const second = rows.filter(([key]) => Number(key) > 4_096);
    const chunks = [
      { after: undefined, upTo: [4_096], rows: first },
      { after: [4_096], upTo: undefined, rows: second },
    ];
    let written = 0;
    for (const chunk of chunks) written += (await target.bring("person", chunk)).written;
    expect(await target.digest("person", { after: undefined, upTo: undefined })).toMatchObject({
      count: rows.length,
    });
    await target.finish("partial");
    return written;
  };
  const before = [person(1, "u_ann"), person(5_000, "h_member")];
  expect(await copy("one", before)).toBe(2);
  expect(await copy("one", before)).toBe(0);
  const restored = [person(1, "u_ann"), person(100, "h_member")];
  expect(await copy("two", restored)).toBe(2);
  expect(await copy("two", restored)).toBe(0);
});
