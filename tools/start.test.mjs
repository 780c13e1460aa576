import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf, isAlive, killQuietly } from "@duologue/testing";

test("npm start runs an installed server at once, passes options on, and ends with it", async () => {
  const data = mkdtempSync(join(tmpdir(), "duologue-start-"));
  const words = ["--host", "127.0.0.1", "--port", "0", "--workers", "1", "--data", data];
  const child = Bun.spawn([Bun.which("node") ?? "node", join(import.meta.dir, "start.mjs"), ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  let pids = [child.pid];
  try {
    let text = "";
    for await (const chunk of child.stdout) {
      text += new TextDecoder().decode(chunk);
      if (/Open +http:\/\/localhost:\d+\n[\s\S]*Workers +1\n/.test(text)) break;
    }
    expect(text).toContain(data);
    const servers = childrenOf(child.pid);
    pids = [child.pid, ...servers, ...servers.flatMap(childrenOf)];
    expect(pids).toHaveLength(3);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
  } finally {
    for (const pid of pids) killQuietly(pid);
    rmSync(data, { recursive: true, force: true });
  }
});
