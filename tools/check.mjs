/** `npm run check`: form, lint, types, dead code; one line for each, and what it found. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";

const checks = [
  {
    name: "format and lint (biome)",
    module: "@biomejs/biome",
    binary: "biome",
    parameters: ["check", "--error-on-warnings"],
  },
  { name: "types (tsc)", module: "typescript", binary: "tsc", parameters: ["-p", "."] },
  { name: "dead code (knip)", module: "knip", binary: "knip", parameters: ["--no-progress"] },
];

process.exitCode = (await ensureInstalled("all")) ? await runChecks() : 1;

async function runChecks() {
  const failed = [];
  for (const check of checks) {
    const startedAt = performance.now();
    const { code, output } = await run(check);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stdout.write(`${code === 0 ? "ok    " : "FAILED"}  ${check.name}, ${seconds} s\n`);
    if (code === 0) continue;
    process.stdout.write(`${output.trimEnd()}\n`);
    failed.push(check.name);
  }
  process.stdout.write(failed.length === 0 ? "All checks passed.\n" : `Failed: ${failed.join(", ")}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** Through Node, and not through the links in node_modules/.bin, which Windows does not have. */
function run({ module, binary, parameters }) {
  const directory = join(root, "node_modules", module);
  const { bin } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const script = join(directory, typeof bin === "string" ? bin : bin[binary]);
  const child = spawn(process.execPath, [script, ...parameters], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 1, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
