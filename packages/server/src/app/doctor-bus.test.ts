import { expect, test } from "bun:test";
import type { Config } from "../config/index.ts";
import { examineBus } from "./doctor-bus.ts";
import type { Finding } from "./findings.ts";

const NOWHERE = { kind: "nats", urls: ["nats://127.0.0.1:1"] } as const;
const config = { bus: NOWHERE, busCa: undefined, busCredentials: undefined } as unknown as Config;

async function look(isCrowded: boolean): Promise<readonly Finding[]> {
  const others = Array.from({ length: 1_024 }, (_, index) => ({ node: `${index}`, users: 1 }));
  const findings: Finding[] = [];
  const cluster = { node: "this", users: 1_025, ownUsers: 1, others, isCrowded };
  for await (const finding of examineBus(config, cluster)) findings.push(finding);
  return findings;
}

test("the doctor says when there are more nodes than one hears, and what that means", async () => {
  expect(await look(false)).toMatchObject([{ grade: "wrong" }]);
  const [, crowded] = await look(true);
  expect(crowded).toMatchObject({
    grade: "worth",
    text: "cluster: there are more than the 1024 other nodes that one node hears",
  });
  expect(crowded?.advice).toContain("fewer and larger nodes");
});

test("a single machine has no bus to look at", async () => {
  const findings: Finding[] = [];
  const local = { ...config, bus: { kind: "local" } } as Config;
  for await (const finding of examineBus(local, undefined)) findings.push(finding);
  expect(findings).toEqual([]);
});
