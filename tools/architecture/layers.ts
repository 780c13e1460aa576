/** Who may import whom. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { at, type Import, isTestPath, resolveImport, root, type SourceFile } from "./source.ts";

/** Package → packages that it may import. */
const packages: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  client: ["protocol"],
  web: ["client", "protocol"],
  server: ["protocol", "web"],
  bench: ["client", "protocol", "server", "testing"],
  testing: [],
  simulation: ["client", "protocol", "server", "testing"],
};

const leaves = ["clock.ts", "log.ts", "version.ts", "config/"];

/** Part of the server → parts that it may import, besides itself. The order is the one of the design: lower first. */
const serverParts: Readonly<Record<string, readonly string[]>> = {
  "clock.ts": [],
  "version.ts": [],
  "config/": [],
  "log.ts": ["config/"],
  "ports/": [],
  "domain/": ["ports/", "clock.ts"],
  "gateway/": ["domain/", "ports/", ...leaves],
  "store/": ["ports/", ...leaves],
  "link/": ["ports/", ...leaves],
  "bus/": ["link/", "ports/", ...leaves],
  "primary/": ["store/", "bus/", "link/", "ports/", ...leaves],
  "app/": ["gateway/", "domain/", "primary/", "store/", "bus/", "link/", "ports/", ...leaves],
  "cli/": ["app/", "link/", ...leaves],
  "main.ts": ["app/", "cli/"],
  // The door: the parts that the simulator and benchmarks put together in their own way.
  "index.ts": [
    "app/",
    "gateway/",
    "domain/",
    "primary/",
    "store/",
    "bus/",
    "link/",
    "ports/",
    "clock.ts",
    "log.ts",
  ],
};

/**
 * Part of the web package → parts that it may import, besides itself. The frame on other sites is drawn with the page's
 * components; the page knows nothing of it, and what other sites load holds nothing of either.
 */
const webParts: Readonly<Record<string, readonly string[]>> = {
  "widget/": [],
  "page/": [],
  "embed/": ["page/", "widget/"],
  "files.ts": [],
  "shell/": ["files.ts"],
  "embed-files.ts": ["files.ts"],
  "index.ts": ["embed-files.ts", "shell/", "files.ts"],
};

const parted: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "packages/server/src/": serverParts,
  "packages/web/src/": webParts,
};
/** The server's package is called like the program. */
const SERVER_NAME = "@duologue/server";

/** Imports that point the wrong way, past a package's door, or without the file's name. */
export function findWrongImports(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => file.imports.flatMap((found) => judge(file, found) ?? []));
}

function judge(file: SourceFile, found: Import): string | undefined {
  const { specifier, line } = found;
  if (!specifier.startsWith(".")) return judgePackage(file, found);
  const target = resolveImport(file, specifier);
  if (!existsSync(join(root, target)) || !/\.[a-z]+$/.test(specifier)) {
    return at(file, line, `${specifier} does not name a file`);
  }
  const from = packageOf(file.path);
  if (from !== undefined && packageOf(target) !== from)
    return at(file, line, `${specifier} leaves the package`);
  if (file.isTest) return undefined;
  if (isTestPath(target)) return at(file, line, `${specifier} is for tests`);
  return judgePart(file, line, target);
}

function judgePackage(file: SourceFile, { specifier, line }: Import): string | undefined {
  const [, name, inside] =
    /^@duologue\/([^/]+)(\/.*)?$/.exec(specifier.replace(/^duologue(?=\/|$)/, SERVER_NAME)) ?? [];
  if (name === undefined) return undefined;
  // The client's mock server has a door of its own, for tests.
  const isMock = name === "client" && inside === "/testing" && file.isTest;
  if (inside !== undefined && !isMock)
    return at(file, line, `${specifier} goes past the door of @duologue/${name}`);
  const from = packageOf(file.path);
  // Tools look at everything; a test may bring a client along.
  if (from === undefined || from === name || file.isTest) return undefined;
  return packages[from]?.includes(name) ? undefined : at(file, line, `${from} must not import ${name}`);
}

function judgePart(file: SourceFile, line: number, target: string): string | undefined {
  const [folder, parts] = Object.entries(parted).find(([path]) => file.path.startsWith(path)) ?? [];
  if (folder === undefined || parts === undefined || !target.startsWith(folder)) return undefined;
  const inside = target.slice(folder.length);
  const from = partOf(parts, file.path.slice(folder.length));
  const to = partOf(parts, inside);
  if (from === undefined || to === undefined)
    return at(file, line, "is in no part of the table in tools/architecture/layers.ts");
  if (from === to || parts[from]?.includes(to)) return undefined;
  return at(file, line, `${from} must not import ${to} (${inside})`);
}

function partOf(parts: Readonly<Record<string, readonly string[]>>, inside: string): string | undefined {
  return Object.keys(parts).find((part) => (part.endsWith("/") ? inside.startsWith(part) : inside === part));
}

function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

/** Rings of imports, types included, each as the paths along it. */
export function findRings(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const state = new Map<string, "open" | "done">();
  const rings: string[] = [];
  const visit = (file: SourceFile, trail: readonly string[]): void => {
    state.set(file.path, "open");
    for (const { specifier } of file.imports) {
      const target = doorOrFile(file, specifier);
      const next = target === undefined ? undefined : byPath.get(target);
      if (next === undefined) continue;
      const path = [...trail, next.path];
      if (state.get(next.path) === "open") rings.push(path.slice(path.indexOf(next.path)).join(" → "));
      else if (state.get(next.path) === undefined) visit(next, path);
    }
    state.set(file.path, "done");
  };
  for (const file of files) if (state.get(file.path) === undefined) visit(file, [file.path]);
  return rings;
}

function doorOrFile(file: SourceFile, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return resolveImport(file, specifier);
  const name = specifier === "duologue" ? "server" : /^@duologue\/([^/]+)$/.exec(specifier)?.[1];
  return name === undefined ? undefined : `packages/${name}/src/index.ts`;
}
