import type { Catalogue } from "./catalogue.ts";
import { button, element } from "./dom.ts";

/** Asks before something that cannot be undone. Escape and Cancel mean no. */
export function ask(catalogue: Catalogue, question: string, yes: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const text = element("p", { id: "question" }, question);
  const cancel = button({ autofocus: true }, () => dialog.close(), catalogue.cancel);
  const confirm = button({ class: "danger" }, () => dialog.close("yes"), yes);
  const buttons = element("div", { class: "buttons" }, cancel, confirm);
  const dialog = element("dialog", { "aria-labelledby": "question" }, text, buttons);
  dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "yes");
  });
  document.body.append(dialog);
  dialog.showModal();
  return promise;
}
