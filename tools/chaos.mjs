/** `npm run chaos -- --minutes M --seed N`: runs packages/server/test/chaos under the pinned Bun. */
import { fileURLToPath } from "node:url";
import { runScript } from "../packages/server/bin/launch.mjs";
import { ensureInstalled } from "./install.mjs";

const main = fileURLToPath(new URL("../packages/server/test/chaos/main.ts", import.meta.url));

process.exitCode = (await ensureInstalled("all")) ? await runScript(main, process.argv.slice(2)) : 1;
