/** Making and changing elements. Text goes in as text nodes only; no markup is ever read from a string. */

type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** `true` sets an attribute without value, `false` and undefined leave it out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export function button(label: string, attributes: Attributes, onClick: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", onClick);
  return made;
}

/** Leaves an unchanged text alone, so that selections in it and screen readers are not disturbed. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export interface Row<T> {
  readonly root: HTMLElement;
  update(item: T): void;
}

/** Keeps the children of an element in step with a list: a row is made once for each key, and goes with its item. */
export class Rows<T> {
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
