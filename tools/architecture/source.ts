/** The repository's source files, parsed once. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseSync } from "oxc-parser";

export const root: string = resolve(import.meta.dir, "../..");

export interface Import {
  /** As written. */
  readonly specifier: string;
  readonly line: number;
}

/** A node of the syntax tree, in the ESTree form with TypeScript's nodes. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lineCount: number;
  readonly imports: readonly Import[];
  readonly program: SyntaxNode;
  /** A test, or something that only tests use. */
  readonly isTest: boolean;
  lineOf(offset: number): number;
}

const SOURCE = "{packages,tools}/**/*.{ts,tsx,mts,mjs,js}";
const STYLE = "packages/**/*.css";
const TEST_PATH =
  /\.test\.(tsx?|mjs)$|-child\.ts$|\/(test|testing|contract)\/|\/(testing|contract|fixtures?)\.ts$/;

export function isTestPath(path: string): boolean {
  return TEST_PATH.test(path);
}

export function readSources(): readonly SourceFile[] {
  return pathsOf(SOURCE).map(readSource);
}

/** Style sheets, which are not parsed. */
export function readStyles(): readonly Pick<SourceFile, "path" | "lineCount">[] {
  return pathsOf(STYLE).map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    return { path, lineCount: lineStartsOf(text).length };
  });
}

function pathsOf(pattern: string): readonly string[] {
  return [...new Bun.Glob(pattern).scanSync({ cwd: root })]
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
    .sort();
}

function readSource(path: string): SourceFile {
  return parseSource(path, readFileSync(join(root, path), "utf8"));
}

export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0]?.message}`);
  const lineStarts = lineStartsOf(text);
  const lineOf = (offset: number): number => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const tree = program as unknown as SyntaxNode;
  return {
    path,
    text,
    lineCount: lineStarts.length,
    imports: findImports(tree, lineOf),
    program: tree,
    isTest: isTestPath(path),
    lineOf,
  };
}

/** Where each line begins; what follows the last line break is one only if something stands there. */
function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return text.endsWith("\n") ? starts.slice(0, -1) : starts;
}

/** Static and dynamic ones, re-exports, and types (`import("./x.ts").T`). */
function findImports(program: SyntaxNode, lineOf: (offset: number) => number): Import[] {
  const imports: Import[] = [];
  walk(program, (node) => {
    if (!/^(Import|Export(Named|All))Declaration$|^(Import|TSImport)/.test(node.type)) return;
    const source = node.source as SyntaxNode | null | undefined;
    if (typeof source?.value === "string")
      imports.push({ specifier: source.value, line: lineOf(node.start) });
  });
  return imports;
}

export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const inner of Array.isArray(value) ? value : [value]) if (isNode(inner)) walk(inner, visit);
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && typeof (value as SyntaxNode).type === "string";
}

/** The file that a relative specifier names, relative to the repository. */
export function resolveImport(file: SourceFile, specifier: string): string {
  return resolve("/", dirname(file.path), specifier).slice(1);
}

export function at(file: SourceFile, line: number, problem: string): string {
  return `${file.path}:${line}: ${problem}`;
}
