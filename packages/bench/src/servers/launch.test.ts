import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { systemClock } from "../clock.ts";
import { cpuOf, memoryOf, processTree } from "../system/processes.ts";
import { Children } from "./children.ts";
import { generate } from "./generator.ts";
import { launchServer } from "./launch.ts";

const options = { workers: 1, limits: {}, dataParent: tmpdir() };

test.each(["ws", "bun-relay"] as const)("%s relays, and is gone after its run", async (name) => {
  const children = new Children(systemClock);
  let pid = 0;
  {
    await using server = await launchServer(systemClock, children, name, options);
    pid = server.pid;
    const { host, port } = server;
    const phase = { warmupMs: 1, measureMs: 50, offer: { kind: "closed", window: 1 } } as const;
    const job = {
      kind: "relay",
      host,
      port,
      serverPid: pid,
      connections: 4,
      everybodyNamed: true,
      ...phase,
    } as const;
    const result = await generate<"relay">(systemClock, children, job, undefined);
    expect(result.delivered).toBeGreaterThan(0);
    expect(memoryOf([pid])[0]?.pssKb).toBeGreaterThan(1000);
  }
  expect(cpuOf([pid])).toEqual([]);
});

test("a child process belongs to its parent's tree", async () => {
  const child = Bun.spawn(["cat"], { stdin: "pipe" });
  expect(processTree(process.pid)).toContain(child.pid);
  await child.stdin.end();
  await child.exited;
});
