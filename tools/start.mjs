/** `npm start`: installs what the server needs, once, and runs it. Options go after `--`: `npm start -- --port 9191`. */
import { fileURLToPath } from "node:url";
import { runScript } from "../packages/server/bin/launch.mjs";
import { ensureInstalled } from "./install.mjs";

const main = fileURLToPath(new URL("../packages/server/src/main.ts", import.meta.url));

process.exitCode = (await ensureInstalled("run"))
  ? await runScript(main, ["serve", ...process.argv.slice(2)])
  : 1;
