const END = "<!-- end of what is made -->";

/**
 * Puts what a command has made into a page, in place of what it made last: between two marks, of which the first names the
 * command. Throws RangeError when the page has no such place.
 */
export async function replaceMade(page: URL, command: string, text: string): Promise<void> {
  const begin = `<!-- made by ${command} -->`;
  const before = await Bun.file(page).text();
  const from = before.indexOf(begin);
  const to = before.indexOf(END, from);
  if (from < 0 || to < 0) throw new RangeError(`${page.pathname} has no ${begin} … ${END}`);
  await Bun.write(page, `${before.slice(0, from)}${begin}\n${text.trimEnd()}\n${before.slice(to)}`);
}
