/** What must not stand in the source: hidden time and chance, sleeps, escapes from the type system, ways to run text. */
import { at, type SourceFile, type SyntaxNode, walk } from "./source.ts";

/** Where time, timers and randomness may be taken from the system. */
const SYSTEM_FILE = /(^|\/)(clock|environment)\.ts$/;

const TIME_CALLS = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",

  "randomUUID",
  "randomBytes",
]);
const TIME_MEMBERS = new Set([
  "Date.now",
  "performance.now",
  "Math.random",
  "crypto.getRandomValues",
  "crypto.randomUUID",
  "Bun.sleep",
  "Bun.sleepSync",
  "Bun.nanoseconds",
  "Bun.randomUUIDv7",
  "AbortSignal.timeout",
]);
const TIMER_MODULE = /^(node:)?timers(\/promises)?$/;

/** Besides clock.ts and environment.ts, in what is shipped: system time, timers, randomness. */
export function findHiddenTime(files: readonly SourceFile[]): string[] {
  return find(
    files.filter(({ path, isTest }) => isShipped(path) && !isTest && !SYSTEM_FILE.test(path)),
    (node) => {
      const name = calledName(node);
      if (name !== undefined && (TIME_CALLS.has(name) || TIME_MEMBERS.has(name))) return `calls ${name}`;
      if (node.type === "NewExpression" && nameOf(node.callee) === "Date" && isEmpty(node.arguments))
        return "reads the time by new Date()";
      return isTimerImport(node) ? "imports timers" : undefined;
    },
  );
}

/** A test waits for what it expects, never for time to pass: a timer may end a test that hangs, no more. */
export function findSleeps(files: readonly SourceFile[]): string[] {
  return find(
    files.filter(({ path }) => /^packages\/(?!bench\/)/.test(path) && !SYSTEM_FILE.test(path)),
    (node) => {
      const name = calledName(node);
      if (name === "Bun.sleep" || name === "Bun.sleepSync") return `calls ${name}`;
      // setTimeout(resolve, …): something goes on only because time has passed.
      const [first] = (node.arguments ?? []) as readonly SyntaxNode[];
      if (name === "setTimeout" && first?.type === "Identifier") return "sleeps by setTimeout";
      return isTimerImport(node) ? "imports timers" : undefined;
    },
  );
}

const HTML_PROPERTIES = new Set(["innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySetInnerHTML"]);

export function findUnsafe(files: readonly SourceFile[]): string[] {
  return find(files, (node) => {
    switch (node.type) {
      case "TSAnyKeyword":
        return "any";
      case "MemberExpression":
        return HTML_PROPERTIES.has(propertyName(node) ?? "") ? `uses ${propertyName(node)}` : undefined;
      case "JSXAttribute":
        return HTML_PROPERTIES.has(nameOf(node.name) ?? "") ? `uses ${nameOf(node.name)}` : undefined;
      case "CallExpression":
        return ["eval", "Function"].includes(nameOf(node.callee) ?? "") ? "runs text as code" : undefined;
      case "NewExpression":
        return nameOf(node.callee) === "Function" ? "runs text as code" : undefined;
      default:
        return undefined;
    }
  });
}

/** One way to export, so that a name is the same everywhere. Configuration files of tools have it their way. */
export function findUnnamedExports(files: readonly SourceFile[]): string[] {
  return find(
    files.filter(({ path }) => /\.tsx?$/.test(path) && !path.endsWith(".d.ts")),
    (node) => {
      if (node.type === "ExportDefaultDeclaration") return "exports without a name";
      return node.type === "ExportAllDeclaration" ? "exports everything of another file" : undefined;
    },
  );
}

export function findSkippedTests(files: readonly SourceFile[]): string[] {
  return find(files, (node) => {
    const name = calledName(node) ?? "";
    return /^(test|it|describe)\.(skip|only|todo|failing)$/.test(name) ? `calls ${name}` : undefined;
  });
}

function find(files: readonly SourceFile[], judge: (node: SyntaxNode) => string | undefined): string[] {
  const problems: string[] = [];
  for (const file of files) {
    walk(file.program, (node) => {
      const problem = judge(node);
      if (problem !== undefined) problems.push(at(file, file.lineOf(node.start), problem));
    });
  }
  return problems;
}

function isShipped(path: string): boolean {
  return /^packages\/(protocol|server|client|web)\/src\//.test(path);
}

function isTimerImport(node: SyntaxNode): boolean {
  const source = node.source as SyntaxNode | null | undefined;
  return node.type === "ImportDeclaration" && TIMER_MODULE.test(String(source?.value));
}

/** `f` for f(…), `a.b` for a.b(…) and globalThis.a.b(…). */
function calledName(node: SyntaxNode): string | undefined {
  if (node.type !== "CallExpression") return undefined;
  const callee = node.callee as SyntaxNode;
  if (callee.type !== "MemberExpression") return nameOf(callee);
  const object = callee.object as SyntaxNode;
  const owner = object.type === "MemberExpression" ? propertyName(object) : nameOf(object);
  const isGlobal = owner !== undefined && ["globalThis", "window", "self"].includes(owner);
  return isGlobal ? propertyName(callee) : `${owner}.${propertyName(callee)}`;
}

function propertyName(node: SyntaxNode): string | undefined {
  const property = node.property as SyntaxNode;
  return node.computed === true && typeof property.value === "string" ? property.value : nameOf(property);
}

function nameOf(node: unknown): string | undefined {
  const name = (node as SyntaxNode | undefined)?.name;
  return typeof name === "string" ? name : undefined;
}

function isEmpty(list: unknown): boolean {
  return Array.isArray(list) && list.length === 0;
}
