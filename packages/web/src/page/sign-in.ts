import type { Catalogue } from "./catalogue.ts";
import { button, element, setAttribute, setText } from "./dom.ts";

export interface Notice {
  readonly text: string;
  /** Something that the nickname or the server stands in the way of; otherwise it is only said. */
  readonly isProblem: boolean;
}

export interface SignInState {
  readonly pending: boolean;
  /** Why the last try failed, or why one is here again. */
  readonly notice: Notice | undefined;
  /** A name that is free. */
  readonly suggestion: string | undefined;
}

/** The form that asks for a nickname. */
export class SignIn {
  readonly root: HTMLElement;
  readonly #catalogue: Catalogue;
  readonly #input: HTMLInputElement;
  readonly #submit: HTMLButtonElement;
  readonly #notice = element("p", { class: "notice", role: "alert" });
  readonly #suggestion: HTMLButtonElement;
  #suggested = "";

  constructor(catalogue: Catalogue, signIn: (nickname: string) => void) {
    this.#catalogue = catalogue;
    this.#input = element("input", {
      id: "nickname",
      name: "nickname",
      required: true,
      autocomplete: "nickname",
      autocapitalize: "off",
      spellcheck: "false",
      dir: "auto",
      maxlength: "128",
      "aria-describedby": "nickname-rule",
    });
    this.#submit = element("button", { type: "submit", class: "primary" });
    this.#suggestion = button({ class: "link" }, () => {
      this.#input.value = this.#suggested;
      signIn(this.#suggested);
    });
    const form = element(
      "form",
      {},
      element("label", { for: "nickname" }, catalogue.nickname),
      this.#input,
      element("p", { id: "nickname-rule", class: "hint" }, catalogue.nicknameRule),
      this.#notice,
      this.#suggestion,
      this.#submit,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const nickname = this.#input.value.trim();
      if (nickname !== "") signIn(nickname);
    });
    const card = element(
      "div",
      { class: "card" },
      element("h1", {}, catalogue.signInTitle),
      element("p", { class: "lead" }, catalogue.signInHint),
      form,
    );
    this.root = element("main", { class: "sign-in" }, card);
  }

  update({ pending, notice, suggestion }: SignInState): void {
    this.#submit.disabled = pending;
    setText(this.#submit, pending ? this.#catalogue.signingIn : this.#catalogue.signIn);
    setText(this.#notice, notice?.text ?? "");
    setAttribute(this.#notice, "hidden", notice === undefined);
    setAttribute(this.#notice, "data-problem", notice?.isProblem);
    setAttribute(this.#suggestion, "hidden", suggestion === undefined);
    this.#suggested = suggestion ?? "";
    if (suggestion !== undefined) setText(this.#suggestion, this.#catalogue.takeSuggestion(suggestion));
    setAttribute(this.#input, "aria-invalid", notice?.isProblem === true ? "true" : undefined);
  }

  focus(): void {
    this.#input.focus();
  }
}
