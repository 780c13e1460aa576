/** The files of deploy/, as the tests read them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../architecture/source.ts";

export const deployFolder: string = join(root, "deploy");

/** Of every file, below deploy/. */
export const deployPaths: readonly string[] = readdirSync(deployFolder, {
  recursive: true,
  withFileTypes: true,
})
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(deployFolder.length + 1));

export function readDeployed(path: string): string {
  return readFileSync(join(deployFolder, path), "utf8");
}

/** A value of YAML, of which only the places that a test names are looked at. */
export type Tree = { readonly [key: string]: Tree } & string;

export function readTrees(path: string): readonly Tree[] {
  const parsed = Bun.YAML.parse(readDeployed(path)) as Tree | readonly Tree[];
  return Array.isArray(parsed) ? parsed : [parsed as Tree];
}

export function values(list: Tree | undefined): readonly Tree[] {
  return Object.values(list ?? {}) as readonly string[] as readonly Tree[];
}

/** `NAME=value` lines. */
export function readVariables(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

export const unit: string = readDeployed("systemd/duologue.service");
export const dockerfile: string = readDeployed("docker/Dockerfile");
export const compose: Tree = readTrees("compose/compose.yaml")[0] as Tree;

const kubernetes = deployPaths
  .filter((path) => path.startsWith("kubernetes/") && path.endsWith(".yaml"))
  .flatMap(readTrees);

export function ofKind(kind: string, name: string): Tree {
  const found = kubernetes.find((tree) => tree.kind === kind && tree.metadata?.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

export function podOf(kind: string, name: string): Tree {
  return ofKind(kind, name).spec?.template?.spec as Tree;
}
