/** The files of the widget: the script that other sites load, and the chat that it frames. */
import { fileURLToPath } from "node:url";
import { bundle, documentOf, type PlainFile, runBuild } from "./files.ts";

const embed = fileURLToPath(new URL("./embed/", import.meta.url));
const script = fileURLToPath(new URL("./widget/script.ts", import.meta.url));

/** `/embed`, what it loads, and `/embed.js`, whose name cannot hold a hash because it stands in other sites' pages. */
export async function buildEmbedFiles(): Promise<PlainFile[]> {
  const [{ named, parts }, template, [loader]] = await Promise.all([
    bundle({ script: "embed", style: "embed" }, [`${embed}main.tsx`, `${embed}style.css`]),
    Bun.file(`${embed}index.html`).text(),
    runBuild({ entrypoints: [script], format: "iife" }),
  ]);
  return [
    documentOf("/embed", template, named),
    {
      path: "/embed.js",
      contentType: "text/javascript; charset=utf-8",
      body: new Uint8Array((await loader?.arrayBuffer()) ?? new ArrayBuffer()),
      immutable: false,
    },
    ...named.map(({ extension: _, ...file }) => file),
    ...parts,
  ];
}
