#!/usr/bin/env node
/** The command `duologue`: runs the server and its commands under the pinned Bun, whatever it was started with. */
import { fileURLToPath } from "node:url";
import { bunVersion, runScript } from "./launch.mjs";

const main = new URL("../src/main.ts", import.meta.url);
const words = process.argv.slice(2);

if (process.versions.bun === bunVersion) {
  const { main: run } = await import(main.href);
  process.exit(await run(words));
} else {
  process.exitCode = await runScript(fileURLToPath(main), words);
}
