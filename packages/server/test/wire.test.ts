import { afterAll, beforeAll, describe } from "bun:test";
import { type Server, startServer } from "@duologue/testing";
import { wireTests } from "./wire/suite.ts";
import { addressTarget } from "./wire/target.ts";

for (const workers of [1, 4]) {
  describe(`${workers} ${workers === 1 ? "worker" : "workers"}`, () => {
    let server: Server | undefined;
    beforeAll(async () => {
      server = await startServer({ workers });
    });
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    });
    wireTests(
      "wire",
      addressTarget(() => server?.url ?? ""),
    );
  });
}
