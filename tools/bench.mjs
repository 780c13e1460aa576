/** `npm run bench -- <name>`: runs packages/bench under the pinned Bun. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const bun = path("../node_modules/bun/bin/bun.exe");
const child = spawn(bun, [path("../packages/bench/src/main.ts"), ...process.argv.slice(2)], {
  stdio: "inherit",
});

// Ctrl-C reaches the whole group; the benchmark ends its servers and then itself.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
