/** The rules of SPEC.md and the titles of the tests that show them. */
import { type SourceFile, type SyntaxNode, walk } from "./source.ts";

/** Ids in the order of the document, repeated ones included. */
export function specIds(spec: string): string[] {
  return [...spec.matchAll(/^- \*\*([A-Z]{2}\d+)\*\*/gm)].map(([, id = ""]) => id);
}

/** Rule id → places of the tests that bear it: `[CV6] …`, `[CV6, CV7] …`. */
export function testedIds(files: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const file of files.filter(({ isTest }) => isTest)) {
    walk(file.program, (node) => {
      for (const id of idsOfTitle(titleOf(node) ?? "")) {
        const places = found.get(id) ?? [];
        found.set(id, [...places, `${file.path}:${file.lineOf(node.start)}`]);
      }
    });
  }
  return found;
}

function idsOfTitle(title: string): string[] {
  const list = /^\[([A-Z]{2}\d+(?:(?:, ?| )[A-Z]{2}\d+)*)\]/.exec(title)?.[1];
  return list === undefined ? [] : list.split(/,? /).flatMap((id) => id.split(","));
}

/** The text with which a call of whatever name begins: suites wrap `test` in functions of their own. */
function titleOf(node: SyntaxNode): string | undefined {
  if (node.type !== "CallExpression") return undefined;
  const [first] = node.arguments as readonly SyntaxNode[];
  if (first?.type === "Literal" && typeof first.value === "string") return first.value;
  if (first?.type !== "TemplateLiteral") return undefined;
  const [quasi] = first.quasis as readonly { readonly value: { readonly cooked: string } }[];
  return quasi?.value.cooked;
}
