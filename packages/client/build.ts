/**
 * Makes what is published out of the sources: ES modules with source maps, declarations, and a package.json of their own.
 * The protocol is built in, so that the package stands alone.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dir;
const doors = { ".": "index", "./testing": "testing/index" } as const;

/** The bundler or the compiler refused the sources; the message is theirs. */
export class ClientBuildError extends Error {
  constructor(message: string) {
    super(`The client could not be built:\n${message}`);
    this.name = "ClientBuildError";
  }
}

/** Empties the directory first. Rejects with ClientBuildError. */
export async function buildClient(directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  await Promise.all([bundle(directory), declare(join(directory, "types"))]);
  const { name, version, description, license, type, dependencies } = readPackage();
  const { "@duologue/protocol": _, ...outside } = dependencies;
  const exports = Object.fromEntries(
    Object.entries(doors).map(([door, stem]) => [
      door,
      { types: `./types/client/src/${stem}.d.ts`, default: `./${stem}.js` },
    ]),
  );
  const published = {
    name,
    version,
    description,
    license,
    type,
    exports,
    // Bundlers may leave out what a page does not import.
    sideEffects: false,
    engines: { node: ">=20" },
    dependencies: outside,
  };
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  cpSync(join(folder, "README.md"), join(directory, "README.md"));
  cpSync(join(folder, "../../LICENSE"), join(directory, "LICENSE"));
}

async function bundle(directory: string): Promise<void> {
  const { dependencies } = readPackage();
  const result = await Bun.build({
    entrypoints: Object.values(doors).map((stem) => join(folder, "src", `${stem}.ts`)),
    root: join(folder, "src"),
    outdir: directory,
    target: "browser",
    format: "esm",
    splitting: true,
    sourcemap: "linked",
    external: Object.keys(dependencies).filter((name) => name !== "@duologue/protocol"),
    throw: false,
  });
  if (!result.success) throw new ClientBuildError(result.logs.map(String).join("\n"));
}

async function declare(directory: string): Promise<void> {
  const compiler = join(folder, "../../node_modules/typescript/bin/tsc");
  const child = Bun.spawn(
    ["node", compiler, "-p", join(folder, "tsconfig.build.json"), "--outDir", directory],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  const [output, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw new ClientBuildError(output);
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".d.ts")) makeRelative(directory, path);
  }
}

/** Declarations name sources, and the protocol by a package that nobody else has. */
function makeRelative(directory: string, path: string): void {
  const depth = path.split(/[\\/]/).length - 1;
  const protocol = `${"../".repeat(depth)}protocol/src/index.js`;
  const text = readFileSync(join(directory, path), "utf8")
    .replaceAll('"@duologue/protocol"', JSON.stringify(protocol))
    .replace(/(from|import\()(\s*"\.[^"]*)\.ts"/g, '$1$2.js"');
  writeFileSync(join(directory, path), text);
}

interface ClientPackage {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function readPackage(): ClientPackage {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

if (import.meta.main) await buildClient(join(folder, "dist"));
