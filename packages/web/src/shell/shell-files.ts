/** What makes the page one that can be installed and opened without the server: its manifest, and its service worker. */
import { fileURLToPath } from "node:url";
import { fillPlaces, type PlainFile, runBuild } from "../files.ts";

const worker = fileURLToPath(new URL("./service-worker.ts", import.meta.url));
const template = new URL("./manifest.json", import.meta.url);

/** Neither name holds a hash: browsers ask for both again under the name they know. */
export const MANIFEST_PATH = "/manifest.webmanifest";
export const SERVICE_WORKER_PATH = "/service-worker.js";

/** Takes the paths of the icons, by the names of their places. Rejects with the file system's error. */
export async function buildManifest(icons: Readonly<Record<string, string>>): Promise<PlainFile> {
  const text = fillPlaces(await Bun.file(template).text(), icons);
  return {
    path: MANIFEST_PATH,
    contentType: "application/manifest+json",
    body: new TextEncoder().encode(text),
    immutable: false,
  };
}

/** A service worker that keeps these files, under a version that follows from their contents. */
export async function buildServiceWorker(files: readonly PlainFile[]): Promise<PlainFile> {
  const hashes = files.map(({ path, body }) => `${path} ${Bun.hash(body).toString(36)}`);
  const shell = { version: Bun.hash(hashes.join("\n")).toString(36), paths: files.map(({ path }) => path) };
  const define = { SHELL: JSON.stringify(shell) };
  const [script] = await runBuild({ entrypoints: [worker], format: "iife", define });
  return {
    path: SERVICE_WORKER_PATH,
    contentType: "text/javascript; charset=utf-8",
    body: new Uint8Array((await script?.arrayBuffer()) ?? new ArrayBuffer()),
    immutable: false,
  };
}
