/** How long files and functions may be. */
import { at, type SourceFile, walk } from "./source.ts";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;
/** Made from published data; nobody reads it line by line. */
const DATA = /-data\.ts$/;

export function findLongFiles(files: readonly Pick<SourceFile, "path" | "lineCount">[]): string[] {
  return files
    .filter((file) => file.lineCount > MAX_FILE_LINES && !DATA.test(file.path))
    .map((file) => `${file.path}: ${file.lineCount} lines, at most ${MAX_FILE_LINES}`);
}

/** Tests are exempt: a suite is one function that holds many. */
export function findLongFunctions(files: readonly SourceFile[]): string[] {
  const problems: string[] = [];
  for (const file of files.filter(({ isTest }) => !isTest)) {
    walk(file.program, (node) => {
      if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
      const first = file.lineOf(node.start);
      const lines = file.lineOf(node.end) - first + 1;
      if (lines > MAX_FUNCTION_LINES) {
        problems.push(at(file, first, `a function of ${lines} lines, at most ${MAX_FUNCTION_LINES}`));
      }
    });
  }
  return problems;
}
