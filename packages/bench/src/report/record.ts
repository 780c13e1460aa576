/** Puts reports into the pages of docs/ that show them. */
import { replaceMade } from "@duologue/testing";
import { renderBody, renderTable } from "./render.ts";
import type { Report } from "./report.ts";

function pageOf(name: string): URL {
  return new URL(`../../../../docs/${name}.md`, import.meta.url);
}

/** The model's tables stand one by one between what is said of them, all others together. */
export async function recordReport(benchmark: string, report: Report): Promise<void> {
  const command = `npm run bench -- ${benchmark} --record`;
  if (benchmark !== "scaling") {
    await replaceMade(pageOf("benchmarks"), command, renderBody(report));
    return;
  }
  await replaceMade(pageOf("scaling"), `${command} (what is assumed)`, notesOf(report));
  for (const table of report.tables)
    await replaceMade(pageOf("scaling"), `${command} (${table.title})`, renderTable(table));
}

/** The first says how costs are fitted, which the page says at length. */
function notesOf({ notes }: Report): string {
  return notes
    .slice(1)
    .map((note) => `- ${note}`)
    .join("\n");
}
