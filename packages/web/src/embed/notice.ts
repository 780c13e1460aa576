import type { Context, Screen } from "./context.ts";
import { button, element } from "./elements.ts";
import { header } from "./frame.ts";
import type { Problem } from "./words.ts";

/** One sentence in the middle, and a button where trying again may help. */
export class Notice implements Screen {
  readonly root: HTMLElement;

  constructor(context: Context, problem: Problem | undefined, tryAgain: () => void) {
    const { words } = context;
    const text = problem === undefined ? words.connecting : words.problems[problem];
    const centre = element("div", { class: "centre" }, element("p", { role: "status" }, text));
    if (problem !== undefined) centre.append(button(words.tryAgain, { class: "quiet" }, tryAgain));
    this.root = element(
      "main",
      { class: "screen" },
      header(context, { title: [element("h1", {}, words.chat)] }),
      element("div", { class: "scroll" }, centre),
    );
  }

  update(): void {}

  setInSight(): void {}

  focus(): void {
    this.root.querySelector("button")?.focus();
  }
}
