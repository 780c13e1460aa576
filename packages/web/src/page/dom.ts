/** Making and changing elements. Text goes in as text nodes only; no markup is ever read from a string. */

type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** `true` sets an attribute without value, `false` and undefined leave it out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

export function setAttribute(target: Element, name: string, value: string | boolean | undefined): void {
  const text = value === true ? "" : value;
  if (text === undefined || text === false) target.removeAttribute(name);
  else if (target.getAttribute(name) !== text) target.setAttribute(name, text);
}

/** Leaves an unchanged text alone, so that selections in it and screen readers are not disturbed. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** A button with a call-back. `type="button"`, so that it never sends a form. */
export function button(
  attributes: Attributes,
  onClick: () => void,
  ...children: readonly (Node | string)[]
): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", onClick);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** A drawing of lines in a square of 24, in the text's colour; hidden from screen readers, since a text stands beside it. */
export function icon(...paths: readonly string[]): SVGSVGElement {
  const drawing = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({
    viewBox: "0 0 24 24",
    class: "icon",
    "aria-hidden": "true",
  })) {
    drawing.setAttribute(name, value);
  }
  for (const path of paths) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    drawing.append(line);
  }
  return drawing;
}

export interface Row<T> {
  readonly root: HTMLElement;
  update(item: T): void;
}

/** Keeps the children of an element in step with a list: rows are made once, moved and changed, and go with their item. */
export class RowList<T> {
  readonly #container: HTMLElement;
  readonly #keyOf: (item: T) => string;
  readonly #make: (item: T) => Row<T>;
  #rows = new Map<string, Row<T>>();

  constructor(container: HTMLElement, keyOf: (item: T) => string, make: (item: T) => Row<T>) {
    this.#container = container;
    this.#keyOf = keyOf;
    this.#make = make;
  }

  update(items: readonly T[]): void {
    const rows = new Map<string, Row<T>>();
    for (const item of items) {
      const key = this.#keyOf(item);
      const row = this.#rows.get(key) ?? this.#make(item);
      row.update(item);
      rows.set(key, row);
    }
    for (const [key, row] of this.#rows) if (!rows.has(key)) row.root.remove();
    let place: Element | null = this.#container.firstElementChild;
    for (const { root } of rows.values()) {
      if (root === place) place = place.nextElementSibling;
      else this.#container.insertBefore(root, place);
    }
    this.#rows = rows;
  }
}
