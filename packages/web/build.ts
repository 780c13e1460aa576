/**
 * Makes the widget's package `@duologue/widget`, for sites that are built and want it as a module with types: one ES module
 * without dependencies, its source map and declarations. `npm run build -w @duologue/web`, then `npm publish dist/widget` or `npm pack`.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dir;
const NAME = "@duologue/widget";

/** The bundler or the compiler refused the sources; the message is theirs. */
export class WidgetBuildError extends Error {
  constructor(message: string) {
    super(`The widget could not be built:\n${message}`);
    this.name = "WidgetBuildError";
  }
}

/** Empties the directory first. Rejects with WidgetBuildError. */
export async function buildWidget(directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  await Promise.all([bundle(directory), declare(join(directory, "types"))]);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const published = {
    name: NAME,
    version,
    description: "Duologue's widget: one-to-one chat in your own site",
    license,
    type: "module",
    sideEffects: false,
    exports: { ".": { types: "./types/index.d.ts", default: "./index.js" } },
  };
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  cpSync(join(folder, "src/widget/README.md"), join(directory, "README.md"));
}

async function bundle(directory: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(folder, "src/widget/index.ts")],
    outdir: directory,
    target: "browser",
    format: "esm",
    sourcemap: "linked",
    throw: false,
  });
  if (!result.success) throw new WidgetBuildError(result.logs.map(String).join("\n"));
}

async function declare(directory: string): Promise<void> {
  const compiler = join(folder, "../../node_modules/typescript/bin/tsc");
  const child = Bun.spawn(
    ["node", compiler, "-p", join(folder, "tsconfig.widget.json"), "--outDir", directory],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  const [output, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw new WidgetBuildError(output);
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    // Declarations name sources, which are not there.
    const text = readFileSync(join(directory, path), "utf8");
    writeFileSync(join(directory, path), text.replace(/(from|import\()(\s*"\.[^"]*)\.ts"/g, '$1$2.js"'));
  }
}

if (import.meta.main) await buildWidget(join(folder, "dist/widget"));
