/** `npm run chaos -- --minutes M --seed N`: runs packages/server/test/chaos under the pinned Bun; `--cluster`: three nodes. */
import { fileURLToPath } from "node:url";
import { runScript } from "../packages/server/bin/launch.mjs";
import { ensureInstalled } from "./install.mjs";

const words = process.argv.slice(2);
const file = words.includes("--cluster") ? "cluster/main.ts" : "main.ts";
const main = fileURLToPath(new URL(`../packages/server/test/chaos/${file}`, import.meta.url));

process.exitCode = (await ensureInstalled("all")) ? await runScript(main, words) : 1;
