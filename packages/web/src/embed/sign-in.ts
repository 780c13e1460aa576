import type { Context, Screen } from "./context.ts";
import { element, setText } from "./elements.ts";
import { header } from "./frame.ts";

export interface SignInState {
  readonly pending: boolean;
  /** Why the last try failed. */
  readonly problem: string | undefined;
  /** A name that is free, to be put into the field. */
  readonly suggestion: string | undefined;
}

/** Asks a guest for a nickname. */
export class SignIn implements Screen {
  readonly root: HTMLElement;
  readonly #state: () => SignInState;
  readonly #input = element("input", {
    id: "nickname",
    required: true,
    autocomplete: "nickname",
    dir: "auto",
    maxlength: "128",
    "aria-describedby": "nickname-hint nickname-problem",
  });
  readonly #submit: HTMLButtonElement;
  readonly #problem = element("p", { id: "nickname-problem", class: "problem", role: "alert" });
  #suggested: string | undefined;

  constructor(context: Context, state: () => SignInState, signIn: (nickname: string) => void) {
    const { words } = context;
    this.#state = state;
    this.#submit = element("button", { type: "submit", class: "primary" }, words.start);
    const form = element(
      "form",
      { class: "form" },
      element("label", { for: "nickname" }, words.nickname),
      this.#input,
      element("p", { id: "nickname-hint", class: "hint" }, words.nicknameHint),
      this.#problem,
      this.#submit,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const nickname = this.#input.value.trim();
      if (nickname !== "") signIn(nickname);
    });
    const title = [element("h1", {}, words.chat)];
    this.root = element(
      "main",
      { class: "screen" },
      header(context, { title }),
      element("div", { class: "scroll" }, form),
    );
  }

  update(): void {
    const { pending, problem, suggestion } = this.#state();
    this.#submit.disabled = pending;
    setText(this.#problem, problem ?? "");
    if (suggestion === this.#suggested) return;
    this.#suggested = suggestion;
    if (suggestion !== undefined) this.#input.value = suggestion;
  }

  setInSight(): void {}

  focus(): void {
    this.#input.focus();
  }
}
