/** The page as the server sends it: built in memory when the server starts, so there is no built copy to go stale. */
import { fileURLToPath } from "node:url";
import { buildEmbedFiles } from "./embed-files.ts";
import {
  bundle,
  compress,
  documentOf,
  type NamedFile,
  name,
  type PageFile,
  type PlainFile,
} from "./files.ts";
import { buildManifest, buildServiceWorker, MANIFEST_PATH } from "./shell/shell-files.ts";

export { PageBuildError, type PageFile } from "./files.ts";

const folder = fileURLToPath(new URL("./page/", import.meta.url));

/**
 * Script, style, icons and the document that names them, what makes them an application, and the widget's; everything
 * the page ever loads. Takes some 100 ms. Rejects with PageBuildError, or with the file system's error when a source is
 * missing.
 */
export async function buildPage(): Promise<PageFile[]> {
  const [pageFiles, embedFiles] = await Promise.all([buildPageFiles(), buildEmbedFiles()]);
  // The page and the widget may have parts in common.
  const files = new Map([...pageFiles, ...embedFiles].map((file) => [file.path, file]));
  return Promise.all([...files.values()].map(compress));
}

async function buildPageFiles(): Promise<PlainFile[]> {
  const [{ named, parts }, icon, maskable, picture, template] = await Promise.all([
    bundle({ script: "app", style: "style" }, [`${folder}main.tsx`, `${folder}style.css`]),
    readIcon("icon", "svg", "image/svg+xml"),
    readIcon("icon-maskable", "svg", "image/svg+xml"),
    readIcon("icon", "png", "image/png"),
    Bun.file(`${folder}index.html`).text(),
  ]);
  const icons = { icon: icon.path, maskable: maskable.path, picture: picture.path };
  const document = documentOf("/", template, named, { ...icons, manifest: MANIFEST_PATH });
  const manifest = await buildManifest(icons);
  const assets = [...named, icon, maskable, picture].map(({ extension: _, ...file }) => file);
  const shell = [document, ...assets, ...parts, manifest];
  return [...shell, await buildServiceWorker(shell)];
}

async function readIcon(file: string, extension: string, contentType: string): Promise<NamedFile> {
  return name("icon", extension, contentType, await Bun.file(`${folder}${file}.${extension}`).bytes());
}
