/** How sure a median is, whatever the values' distribution. */
import { formatNumber } from "./format.ts";
import { spreadOf } from "./report.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
}

const CONFIDENCE = 0.95;

/**
 * Between which two of the values the median of all that could be measured lies, with a confidence of at least 95 %: how
 * many of n values are below it is binomial (the interval of the sign test). Undefined for fewer than six values.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  const count = sorted.length;
  // The chance that at most this many values lie below the median.
  let tail = 0;
  let chance = 0.5 ** count;
  let rank = 0;
  while (rank < count / 2 && tail + chance <= (1 - CONFIDENCE) / 2) {
    tail += chance;
    rank += 1;
    chance *= (count - rank + 1) / rank;
  }
  const [low, high] = [sorted[rank - 1], sorted[count - rank]];
  return low === undefined || high === undefined ? undefined : { low, high };
}

/** The median and its interval: `33 [20–44]`; or that these values do not tell it from nothing. */
export function formatDifference(values: readonly number[]): string {
  const interval = medianInterval(values);
  if (interval === undefined) return `${formatNumber(spreadOf(values).median)} (${values.length} only)`;
  const { low, high } = interval;
  const range = `[${formatNumber(low)} to ${formatNumber(high)}]`;
  return low <= 0 && high >= 0 ? `0? ${range}` : `${formatNumber(spreadOf(values).median)} ${range}`;
}
