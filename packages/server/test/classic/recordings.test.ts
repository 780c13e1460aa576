import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { limits, type Server, startServer } from "@duologue/testing";
import { ClassicClient } from "../harness/classic.ts";
import { recordedCases } from "./recordings.ts";
import { replay } from "./replay.ts";

setDefaultTimeout(60_000);
const ROUNDS = 20;

test("all 23 cases were read, and each step's frames are known", () => {
  expect(recordedCases).toHaveLength(23);
  const chat = recordedCases.find(({ name }) => name === "chat_large_16k")?.steps.at(-1);
  expect(chat?.frames.map(({ text }) => text.length)).toEqual([16_004]);
});

for (const workers of [1, 4]) {
  describe(`the tutorial's recordings, ${workers} ${workers === 1 ? "worker" : "workers"}, ${ROUNDS} rounds`, () => {
    let server: Server | undefined;
    let witness: ClassicClient | undefined;
    beforeAll(async () => {
      // Each round waits for several lists, so they are shared over a shorter time than by default.
      server = await startServer({ workers, options: limits({ lobbyShareMs: 5 }) });
      witness = await ClassicClient.login(server.url, "witness");
    });
    afterAll(async () => {
      await witness?.close();
      await server?.[Symbol.asyncDispose]();
    });

    for (const recorded of recordedCases) {
      test(`[${ruleOf(recorded.name)}] ${recorded.name}: the same frames in the same order`, async () => {
        if (server === undefined || witness === undefined) throw new Error("the server did not start");
        for (let round = 0; round < ROUNDS; round += 1) await replay(server.url, witness, recorded);
      });
    }
  });
}

/** The rule of SPEC.md that a case shows above all. */
function ruleOf(name: string): string {
  if (name === "login_again_ignored" || name === "login_same_name_twice") return "CL2";
  if (name === "login_two_users_list" || name.startsWith("close_")) return "CL3";
  if (name.startsWith("login_")) return "CL1";
  if (name === "chat_before_login") return "CL6";
  if (name === "chat_unknown") return "CL7";
  return name.startsWith("chat_") ? "CL4" : "CL5";
}
