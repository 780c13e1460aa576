/** Durations, sizes and counts, short, for people. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The two largest units: `3d 4h`, `5m 10s`, `8s`. */
export function formatDuration(durationMs: number): string {
  const units = [
    ["d", DAY_MS, Number.POSITIVE_INFINITY],
    ["h", HOUR_MS, 24],
    ["m", MINUTE_MS, 60],
    ["s", SECOND_MS, 60],
  ] as const;
  const parts = units.map(
    ([unit, lengthMs, wrap]) => [Math.floor(durationMs / lengthMs) % wrap, unit] as const,
  );
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .map(([value, unit]) => `${value}${unit}`)
    .join(" ");
}

/** Powers of 1024, at most four characters of number: `512 B`, `2.4 MB`. */
export function formatBytes(bytes: number): string {
  return scale(bytes, 1024, [" B", " KB", " MB", " GB", " TB"]);
}

/** Whole up to 99,999, then `1.2M`. */
export function formatCount(count: number): string {
  return count < 100_000 ? String(count) : scale(count, 1000, ["", "k", "M", "G", "T"]);
}

function scale(value: number, base: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  // 999.5 would be shown as 1000.
  while (scaled >= (unit === 0 ? base : 999.5) && unit < units.length - 1) {
    scaled /= base;
    unit += 1;
  }
  const digits = unit > 0 && scaled < 9.95 ? scaled.toFixed(1) : scaled.toFixed(0);
  return `${digits}${units[unit] ?? ""}`;
}
