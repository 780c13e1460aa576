/** Times as people read them, in their language and time zone. */
import type { Catalogue } from "./catalogue.ts";

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

export class TimeFormat {
  readonly #catalogue: Catalogue;
  readonly #now: () => number;
  readonly #clock: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #shortDay: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #ago: Intl.RelativeTimeFormat;
  readonly #whole: Intl.DateTimeFormat;
  readonly #key: Intl.DateTimeFormat;

  /** Times follow the browser's own settings for that language. */
  constructor(catalogue: Catalogue, languages: readonly string[], now: () => number) {
    this.#catalogue = catalogue;
    this.#now = now;
    const locales = languages.filter((language) => language.toLowerCase().startsWith(catalogue.language));
    const locale = locales.length > 0 ? locales : [catalogue.language];
    this.#clock = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
    this.#day = new Intl.DateTimeFormat(locale, { dateStyle: "full" });
    this.#shortDay = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });
    this.#date = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
    this.#ago = new Intl.RelativeTimeFormat(locale);
    this.#whole = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "medium" });
    this.#key = new Intl.DateTimeFormat("en-CA", { dateStyle: "short" });
  }

  clock(time: number): string {
    return this.#clock.format(time);
  }

  whole(time: number): string {
    return this.#whole.format(time);
  }

  /** The same text for all times of one day here. */
  dayKey(time: number): string {
    return this.#key.format(time);
  }

  day(time: number): string {
    return this.#nearDay(time) ?? this.#day.format(time);
  }

  /** For lists: the time of today, the day otherwise. */
  short(time: number): string {
    if (this.dayKey(time) === this.dayKey(this.#now())) return this.clock(time);
    return this.#nearDay(time) ?? this.#shortDay.format(time);
  }

  /**
   * How long ago, up to an hour; then the day, with the time when it is near, and with the year when it is another one. A time
   * that this device's clock has not reached yet is just now.
   */
  ago(time: number): string {
    const minutes = Math.floor((this.#now() - time) / MINUTE_MS);
    if (minutes < 1) return this.#catalogue.justNow;
    if (minutes < 60) return this.#ago.format(-minutes, "minute");
    const near = this.#nearDay(time);
    if (near !== undefined) return this.#catalogue.dayAndTime(near, this.clock(time));
    const isThisYear = this.dayKey(time).slice(0, 4) === this.dayKey(this.#now()).slice(0, 4);
    return (isThisYear ? this.#shortDay : this.#date).format(time);
  }

  #nearDay(time: number): string | undefined {
    const key = this.dayKey(time);
    if (key === this.dayKey(this.#now())) return this.#catalogue.today;
    return key === this.dayKey(this.#now() - DAY_MS) ? this.#catalogue.yesterday : undefined;
  }
}
