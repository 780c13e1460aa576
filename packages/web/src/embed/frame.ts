/** What all screens have in common: the heading with its buttons. */
import type { Context } from "./context.ts";
import { button, element } from "./elements.ts";

export function header(
  { words, settings, close }: Context,
  parts: { readonly title: readonly Node[]; readonly back?: () => void },
): HTMLElement {
  const made = element("header");
  if (parts.back !== undefined)
    made.append(button("‹", { class: "quiet", "aria-label": words.back }, parts.back));
  made.append(element("div", { class: "title" }, ...parts.title));
  if (settings.closable) made.append(button("✕", { class: "quiet", "aria-label": words.close }, close));
  return made;
}
