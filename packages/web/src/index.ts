/** The page as the server sends it: built in memory when the server starts, so there is no built copy to go stale. */
import { fileURLToPath } from "node:url";
import { buildEmbedFiles } from "./embed-files.ts";
import { bundle, compress, documentOf, name, type PageFile } from "./files.ts";

export { PageBuildError, type PageFile } from "./files.ts";

const folder = fileURLToPath(new URL("./page/", import.meta.url));

/**
 * Script, style, icon and the document that names them, and the widget's; everything the page ever loads. Takes some
 * 100 ms. Rejects with PageBuildError, or with the file system's error when a source is missing.
 */
export async function buildPage(): Promise<PageFile[]> {
  const [assets, icon, template, embedFiles] = await Promise.all([
    bundle({ script: "app", style: "style" }, [`${folder}main.tsx`, `${folder}style.css`]),
    Bun.file(`${folder}icon.svg`).bytes(),
    Bun.file(`${folder}index.html`).text(),
    buildEmbedFiles(),
  ]);
  const named = [...assets, name("icon", "svg", "image/svg+xml", icon)];
  const files = [documentOf("/", template, named), ...named.map(({ extension: _, ...file }) => file)];
  return Promise.all([...files, ...embedFiles].map(compress));
}
