/** A report as text for the terminal, and as a fragment of docs/benchmarks.md. */
import { formatTarget, type Report, type Table } from "./report.ts";

export function renderText(report: Report): string {
  const parts = [`== ${report.name} ==`, ...report.notes.map((note) => `   ${note}`)];
  for (const table of report.tables) parts.push("", table.title, ...alignedLines(table));
  if (report.targets.length > 0) parts.push("", ...report.targets.map(formatTarget));
  return `${parts.join("\n")}\n`;
}

export function renderMarkdown(report: Report): string {
  return `## ${report.name}\n\n${renderBody(report)}`;
}

/** Without a heading. */
export function renderBody({ notes, tables, targets }: Report): string {
  const parts = notes.map((note) => `- ${note}`);
  for (const table of tables) parts.push("", `**${table.title}**`, "", renderTable(table));
  if (targets.length > 0) parts.push("", ...targets.map((target) => `- ${formatTarget(target)}`));
  return `${parts.join("\n")}\n`;
}

export function renderTable({ columns, rows }: Table): string {
  const rule = columns.map((_, index) => (index === 0 ? "---" : "--:"));
  return [columns, rule, ...rows].map(markdownRow).join("\n");
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
