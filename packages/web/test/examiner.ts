/** An automatic examiner of accessibility: axe-core, WCAG 2.2 AA and its best practices. */
import axe from "axe-core";
import type { Frame, Page } from "playwright-core";

/** Each finding with the elements it is about. Looks at this document only, not at what it frames. */
export async function findingsOf(place: Page | Frame, screen: string): Promise<string[]> {
  const isThere = await place.evaluate(() => "axe" in window);
  if (!isThere) await place.evaluate(axe.source);
  const { violations } = await place.evaluate(() =>
    (window as unknown as { axe: typeof axe }).axe.run({ iframes: false, resultTypes: ["violations"] }),
  );
  return violations.map(
    ({ id, nodes }) => `${screen}: ${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`,
  );
}
