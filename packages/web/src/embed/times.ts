/** Writes a time (ms since 1970) as people of this language do, with the day unless it is the same as `now`'s. */
export type TimeFormat = (time: number, now: number) => string;

/** `preferred`: the reader's own languages, whose regions say how times are written (am and pm, or 24 hours). */
export function timeFormat(language: string, preferred: readonly string[]): TimeFormat {
  const primary = language.split("-")[0] ?? language;
  const own = preferred.filter((one) => one.split("-")[0] === primary);
  const locales = own.length > 0 ? own : [language];
  const clock = new Intl.DateTimeFormat(locales, { timeStyle: "short" });
  const whole = new Intl.DateTimeFormat(locales, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(locales, { dateStyle: "short" });
  return (time, now) => (day.format(time) === day.format(now) ? clock : whole).format(time);
}
