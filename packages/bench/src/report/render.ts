/** A report as text for the terminal, and as a fragment of docs/benchmarks.md. */
import { formatTarget, type Report, type Table } from "./report.ts";

export function renderText(report: Report): string {
  const parts = [`== ${report.name} ==`, ...report.notes.map((note) => `   ${note}`)];
  for (const table of report.tables) parts.push("", table.title, ...alignedLines(table));
  if (report.targets.length > 0) parts.push("", ...report.targets.map(formatTarget));
  return `${parts.join("\n")}\n`;
}

export function renderMarkdown(report: Report): string {
  const parts = [`## ${report.name}`, ""];
  parts.push(...report.notes.map((note) => `- ${note}`));
  for (const table of report.tables) {
    parts.push("", `**${table.title}**`, "", markdownRow(table.columns));
    parts.push(markdownRow(table.columns.map((_, index) => (index === 0 ? "---" : "--:"))));
    parts.push(...table.rows.map(markdownRow));
  }
  if (report.targets.length > 0)
    parts.push("", ...report.targets.map((target) => `- ${formatTarget(target)}`));
  return `${parts.join("\n")}\n`;
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function alignedLines(table: Table): string[] {
  const lines = [table.columns, ...table.rows];
  const widths = table.columns.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}
