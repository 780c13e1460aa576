import { afterAll, beforeAll, describe, setDefaultTimeout } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Server, startServer } from "@duologue/testing";
import { classicTests, storageTest } from "./rules.ts";

setDefaultTimeout(60_000);

/** All bytes of the data directory: the database and its log. */
function readDirectory(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
}

for (const workers of [1, 4]) {
  describe(`classic, ${workers} ${workers === 1 ? "worker" : "workers"}`, () => {
    let server: Server | undefined;
    beforeAll(async () => {
      server = await startServer({ workers });
    });
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    });
    classicTests(() => server?.url ?? "");
    storageTest(() => ({
      url: server?.url ?? "",
      readStored: () => readDirectory(server?.dataDirectory ?? ""),
    }));
  });
}
