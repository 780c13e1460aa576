/** `node tools/run.mjs NAME`: installs what is missing and runs tools/NAME.ts with the words that follow. */
import { fileURLToPath } from "node:url";
import { runScript } from "../packages/server/bin/launch.mjs";
import { ensureInstalled } from "./install.mjs";

const [name, ...words] = process.argv.slice(2);
const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));

process.exitCode = (await ensureInstalled("all")) ? await runScript(script, words) : 1;
