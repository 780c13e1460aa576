/** `npm run docs`: makes the reference pages from the tables and schemas in the code. */
import { fileURLToPath } from "node:url";
import { configurationPage } from "./docs/configuration.ts";
import { protocolPage } from "./docs/protocol.ts";

/** Path in the repository → text. */
export function makePages(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/protocol.md", `${protocolPage().trimEnd()}\n`],
    ["docs/configuration.md", `${configurationPage().trimEnd()}\n`],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of makePages()) {
    await Bun.write(fileURLToPath(new URL(`../${path}`, import.meta.url)), text);
    process.stdout.write(`${path}\n`);
  }
}
