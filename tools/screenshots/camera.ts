/** Takes one screen in both colour schemes, and names the files by what they show. */
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import type { Language } from "./talk.ts";

export const devices = {
  desktop: { viewport: { width: 1100, height: 700 }, deviceScaleFactor: 1 },
  phone: { viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
} as const satisfies Readonly<Record<string, BrowserContextOptions>>;
export type Device = keyof typeof devices;

const TIME = "09:12";
const COLOUR_SCHEMES = ["light", "dark"] as const;

/** By its name without the ending; undefined: not wanted. */
export type FileOf = (picture: string) => string | undefined;

export class Camera {
  readonly #fileOf: FileOf;
  readonly #device: Device;
  readonly #language: Language;

  constructor(fileOf: FileOf, device: Device, language: Language) {
    this.#fileOf = fileOf;
    this.#device = device;
    this.#language = language;
  }

  /** `conversation-phone-dark-zh` and its like. */
  async take(page: Page, screen: string): Promise<void> {
    for (const colorScheme of COLOUR_SCHEMES) {
      const path = this.#fileOf(`${screen}-${this.#device}-${colorScheme}-${this.#language}`);
      if (path === undefined) continue;
      await page.emulateMedia({ colorScheme });
      for (const frame of page.frames()) await frame.evaluate(settle, TIME);
      await page.screenshot({ path, animations: "disabled", caret: "hide" });
    }
  }
}

/** What differs from one run to the next is made the same: times of day, and the colours, which follow random ids. */
function settle(time: string): void {
  for (const avatar of document.querySelectorAll<HTMLElement>(".avatar")) {
    avatar.dataset.colour = String((avatar.textContent.codePointAt(0) ?? 0) % 8);
  }
  const clock = /\d\d:\d\d/;
  for (const { firstChild } of document.querySelectorAll("time")) {
    if (firstChild instanceof Text) firstChild.data = firstChild.data.replace(clock, time);
  }
}

/** All of them into one directory. */
export function everything(directory: string): FileOf {
  return (picture) => join(directory, `${picture}.png`);
}

/** Those that the documentation shows, by the names that it calls them. */
export function chosen(directory: string, names: Readonly<Record<string, string>>): FileOf {
  return (picture) => {
    const name = names[picture];
    return name === undefined ? undefined : join(directory, `${name}.png`);
  };
}
