/** `npm run docs`: makes the reference pages of docs/ from the code. */
import { fileURLToPath } from "node:url";
import { runScript } from "../packages/server/bin/launch.mjs";
import { ensureInstalled } from "./install.mjs";

const script = fileURLToPath(new URL("docs.ts", import.meta.url));

process.exitCode = (await ensureInstalled("all")) ? await runScript(script, process.argv.slice(2)) : 1;
