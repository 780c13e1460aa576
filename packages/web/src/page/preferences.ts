/** What a person chose for this browser. Each choice is remembered; what was never chosen follows the system. */
import { type Signal, signal } from "@preact/signals";
import { keepPreference, keptPreference } from "./keep.ts";

export const themes = ["system", "light", "dark"] as const;
export const languages = ["system", "en", "zh"] as const;
/** What sends a message: Enter, or Enter together with Ctrl or Cmd. */
export const sendKeys = ["enter", "modifier"] as const;
export type Theme = (typeof themes)[number];
export type Language = (typeof languages)[number];
export type SendKey = (typeof sendKeys)[number];
const switches = ["off", "on"] as const;

export class Preference<T extends string> {
  readonly #name: string;
  readonly #usual: T;
  readonly #chosen: Signal<T>;

  /** The first choice is what holds until another one is made. */
  constructor(name: string, choices: readonly [T, ...T[]]) {
    this.#name = name;
    this.#usual = choices[0];
    const kept = keptPreference(name);
    this.#chosen = signal(choices.find((choice) => choice === kept) ?? this.#usual);
  }

  get value(): T {
    return this.#chosen.value;
  }

  choose(choice: T): void {
    this.#chosen.value = choice;
    keepPreference(this.#name, choice === this.#usual ? undefined : choice);
  }
}

export class Preferences {
  readonly theme = new Preference<Theme>("theme", themes);
  readonly language = new Preference<Language>("language", languages);
  readonly sendKey = new Preference<SendKey>("sendKey", sendKeys);
  readonly notifications = new Preference<"off" | "on">("notifications", switches);
  readonly sound = new Preference<"off" | "on">("sound", switches);
}
