import { element, setAttribute, setText } from "./dom.ts";

const COLOURS = 8;

/** A coloured disc with the name's first letter, and a dot when the person is online. */
export class Avatar {
  readonly root = element("span", { class: "avatar", "aria-hidden": "true" });
  readonly #letter = element("span");

  constructor() {
    this.root.append(this.#letter);
  }

  update(user: { readonly id: string; readonly name: string }, online: boolean | undefined): void {
    setText(this.#letter, [...user.name][0]?.toUpperCase() ?? "?");
    setAttribute(this.root, "data-colour", `${colourOf(user.id)}`);
    setAttribute(this.root, "data-online", online === true);
  }
}

function colourOf(id: string): number {
  let sum = 0;
  for (let index = 0; index < id.length; index += 1) sum = (Math.imul(sum, 31) + id.charCodeAt(index)) >>> 0;
  return sum % COLOURS;
}
