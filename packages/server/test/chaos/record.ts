/** Puts what a run has shown into docs/reliability.md. */

const END = "<!-- end of what is made -->";

/** In place of the last one, between two markers, of which the first says by which options it was made. */
export async function record(options: string, report: string): Promise<void> {
  const begin = `<!-- made by npm run chaos -- ${options} -->`;
  const page = new URL("../../../../docs/reliability.md", import.meta.url);
  const text = await Bun.file(page).text();
  const from = text.indexOf(begin);
  const to = text.indexOf(END, from);
  if (from < 0 || to < 0) throw new RangeError(`docs/reliability.md has no ${begin} … ${END}`);
  await Bun.write(page, `${text.slice(0, from)}${begin}\n${report}\n${text.slice(to)}`);
}
