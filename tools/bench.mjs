/** `npm run bench -- <name>`: runs packages/bench under the pinned Bun. */
import { fileURLToPath } from "node:url";
import { runScript } from "../packages/server/bin/launch.mjs";
import { ensureInstalled } from "./install.mjs";

const main = fileURLToPath(new URL("../packages/bench/src/main.ts", import.meta.url));

process.exitCode = (await ensureInstalled("all")) ? await runScript(main, process.argv.slice(2)) : 1;
