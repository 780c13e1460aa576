/** What the builders of the page and of the widget have in common. */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

export interface PageFile {
  /** Absolute, as in the request: "/", "/assets/app.<hash>.js". */
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The same, compressed, by the name of the encoding (RFC 9110 §8.4.1); only what is smaller. */
  readonly encodings: Readonly<Partial<Record<"br" | "gzip", Uint8Array>>>;
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

/** The page's list is written for React; Preact speaks its language. */
const preactForReact: Bun.BunPlugin = {
  name: "preact for react",
  setup(build) {
    build.onResolve({ filter: /^react(-dom|\/jsx-runtime)?$/ }, ({ path }) => {
      const name = path === "react/jsx-runtime" ? "preact/jsx-runtime" : "preact/compat";
      return { path: fileURLToPath(import.meta.resolve(name)) };
    });
  },
};

/** A file before it is compressed. */
export type PlainFile = Omit<PageFile, "encodings">;

export interface NamedFile extends PlainFile {
  readonly extension: string;
}

const SCRIPT = "text/javascript; charset=utf-8";

export interface Bundle {
  /** The script and the style sheet, which the document names. */
  readonly named: readonly NamedFile[];
  /** What the script loads when it needs it. */
  readonly parts: readonly PlainFile[];
}

/** Bundles a script and a style sheet for browsers, and names them by what they hold. */
export async function bundle(
  stems: { readonly script: string; readonly style: string },
  entrypoints: string[],
): Promise<Bundle> {
  const naming = { chunk: "part.[hash].[ext]" };
  const outputs = await runBuild({ entrypoints, format: "esm", splitting: true, naming });
  const named: NamedFile[] = [];
  const parts: PlainFile[] = [];
  for (const output of outputs) {
    const body = new Uint8Array(await output.arrayBuffer());
    if (output.path.endsWith(".css")) named.push(name(stems.style, "css", "text/css; charset=utf-8", body));
    else if (output.kind === "entry-point") named.push(name(stems.script, "js", SCRIPT, body));
    // Its name stands in the script already, relative to it, and holds a hash too.
    else parts.push({ path: `/assets/${basename(output.path)}`, contentType: SCRIPT, body, immutable: true });
  }
  return { named, parts };
}

/** Minified, for browsers. Rejects with PageBuildError. */
export async function runBuild(
  options: Pick<Bun.BuildConfig, "entrypoints" | "format" | "splitting" | "naming" | "define">,
): Promise<readonly Bun.BuildArtifact[]> {
  const result = await Bun.build({
    ...options,
    target: "browser",
    minify: true,
    throw: false,
    plugins: [preactForReact],
    jsx: { runtime: "automatic", importSource: "preact", development: false },
    define: { "process.env.NODE_ENV": '"production"', ...options.define },
  });
  if (!result.success) throw new PageBuildError(result.logs);
  return result.outputs;
}

/** The hash is over what is sent, so equal contents have equal names on every worker and after every start. */
export function name(stem: string, extension: string, contentType: string, body: Uint8Array): NamedFile {
  const hash = Bun.hash(body).toString(36);
  return { path: `/assets/${stem}.${hash}.${extension}`, contentType, body, immutable: true, extension };
}

/** A document whose places, such as `{{script}}`, are filled with the names of files: of those of a bundle, and others. */
export function documentOf(
  path: string,
  template: string,
  files: readonly NamedFile[],
  others: Readonly<Record<string, string>> = {},
): PlainFile {
  const paths = new Map(files.map((file) => [file.extension, file.path]));
  const text = fillPlaces(template, { style: paths.get("css"), script: paths.get("js"), ...others });
  return {
    path,
    contentType: "text/html; charset=utf-8",
    body: new TextEncoder().encode(text),
    immutable: false,
  };
}

/** Puts values into the places `{{name}}` of a text. */
export function fillPlaces(template: string, values: Readonly<Record<string, string | undefined>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (place, name: string) => values[name] ?? place);
}

/** Brotli's best level takes ten times as long for some three hundredths less. */
const BROTLI_LEVEL = 9;
const GZIP_LEVEL = 9;
const [toBrotli, toGzip] = [promisify(brotliCompress), promisify(gzip)];

/** Compresses once what is sent again and again. */
export async function compress(file: PlainFile): Promise<PageFile> {
  const { body } = file;
  const [br, zipped] = await Promise.all([
    toBrotli(body, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_LEVEL } }),
    toGzip(body, { level: GZIP_LEVEL }),
  ]);
  const encodings = {
    ...(br.length < body.length ? { br: new Uint8Array(br) } : {}),
    ...(zipped.length < body.length ? { gzip: new Uint8Array(zipped) } : {}),
  };
  return { ...file, encodings };
}
