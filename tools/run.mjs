/**
 * `node tools/run.mjs PATH`: installs what is missing and runs this TypeScript file, by its path in the repository, with the
 * words that follow. Under the pinned Bun: `node_modules/.bin/bun` is a placeholder, since npm's install scripts are not run.
 */
import { join } from "node:path";
import { runScript } from "../packages/server/bin/launch.mjs";
import { ensureInstalled, root } from "./install.mjs";

const [path, ...words] = process.argv.slice(2);

process.exitCode = (await ensureInstalled("all")) ? await runScript(join(root, path), words) : 1;
