/** The page as the server sends it: built in memory when the server starts, so there is no built copy to go stale. */
import { fileURLToPath } from "node:url";

export interface PageFile {
  /** Absolute, as in the request: "/", "/assets/app.<hash>.js". */
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The name holds the content's hash, so a browser may keep it for ever. */
  readonly immutable: boolean;
}

/** The page could not be built: its sources are missing or broken. */
export class PageBuildError extends Error {
  constructor(logs: readonly unknown[]) {
    super(`The page could not be built:\n${logs.map(String).join("\n")}`);
    this.name = "PageBuildError";
  }
}

const folder = fileURLToPath(new URL("./page/", import.meta.url));

/**
 * Script, style, icon and the document that names them; everything the page ever loads. Takes some 50 ms. Rejects with
 * PageBuildError, or with the file system's error when a source is missing.
 */
export async function buildPage(): Promise<PageFile[]> {
  const [assets, icon, template] = await Promise.all([
    bundle(),
    Bun.file(`${folder}icon.svg`).bytes(),
    Bun.file(`${folder}index.html`).text(),
  ]);
  const named = [...assets, name("icon", "svg", "image/svg+xml", icon)];
  const places = new Map(named.map((file) => [file.extension, file.path]));
  const document = template
    .replace("{{icon}}", places.get("svg") ?? "")
    .replace("{{style}}", places.get("css") ?? "")
    .replace("{{script}}", places.get("js") ?? "");
  const files = named.map(({ extension: _, ...file }) => file);
  return [
    {
      path: "/",
      contentType: "text/html; charset=utf-8",
      body: new TextEncoder().encode(document),
      immutable: false,
    },
    ...files,
  ];
}

interface NamedFile extends PageFile {
  readonly extension: string;
}

async function bundle(): Promise<readonly NamedFile[]> {
  const result = await Bun.build({
    entrypoints: [`${folder}main.ts`, `${folder}style.css`],
    target: "browser",
    format: "esm",
    minify: true,
    throw: false,
  });
  if (!result.success) throw new PageBuildError(result.logs);
  const files: NamedFile[] = [];
  for (const output of result.outputs) {
    const body = new Uint8Array(await output.arrayBuffer());
    const isStyle = output.path.endsWith(".css");
    if (isStyle) files.push(name("style", "css", "text/css; charset=utf-8", body));
    else files.push(name("app", "js", "text/javascript; charset=utf-8", body));
  }
  return files;
}

/** The hash is over what is sent, so equal contents have equal names on every worker and after every start. */
function name(stem: string, extension: string, contentType: string, body: Uint8Array): NamedFile {
  const hash = Bun.hash(body).toString(36);
  return { path: `/assets/${stem}.${hash}.${extension}`, contentType, body, immutable: true, extension };
}
