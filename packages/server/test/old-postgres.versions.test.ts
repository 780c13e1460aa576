import { expect, test } from "bun:test";
import { makeDataDirectory, PostgresServer, runCommand } from "@duologue/testing";

test("a PostgreSQL that is too old is refused at the start, in one line", async () => {
  await using old = await PostgresServer.start({ version: 14 });
  const words = ["--port", "0", "--data", makeDataDirectory(), "--store", old.url()];
  const { exitCode, stderr } = await runCommand(["serve", ...words]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^duologue: The database .* cannot be used: PostgreSQL 15 or newer is needed, and this is 14\.\n$/,
  );
  expect(await old.query("SELECT 1 FROM pg_namespace WHERE nspname = 'duologue'")).toHaveLength(0);
});
