import { replaceMade } from "@duologue/testing";

/** Puts what a run has shown into docs/reliability.md; `options` are those that it was made by. */
export async function record(options: string, report: string): Promise<void> {
  const page = new URL("../../../../docs/reliability.md", import.meta.url);
  await replaceMade(page, `npm run chaos -- ${options}`, report);
}
