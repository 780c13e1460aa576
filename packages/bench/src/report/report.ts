/** What a benchmark found: tables for people, and the raw runs for programs. */
import type { Chart } from "./chart.ts";
import { formatNumber } from "./format.ts";

export { formatNumber };

export interface Report {
  readonly name: string;
  /** How it was measured: what a reader needs to do it again. */
  readonly notes: readonly string[];
  readonly tables: readonly Table[];
  readonly charts?: readonly Chart[];
  readonly targets: readonly Target[];
  /** Every single run. */
  readonly runs: readonly unknown[];
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Throws RangeError when a row has another number of cells than there are columns. */
export function tableOf(title: string, columns: readonly string[], rows: Table["rows"]): Table {
  const wrong = rows.find((row) => row.length !== columns.length);
  if (wrong !== undefined)
    throw new RangeError(`${title}: ${wrong.length} cells for ${columns.length} columns`);
  return { title, columns, rows };
}

export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Throws RangeError for no values at all: a benchmark without a run has nothing to report. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((left, right) => left - right);
  const lowest = sorted[0];
  const highest = sorted.at(-1);
  if (lowest === undefined || highest === undefined) throw new RangeError("no values");
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? lowest;
  const lower = sorted[Math.ceil(middle) - 1] ?? lowest;
  return { median: (lower + upper) / 2, lowest, highest };
}

/** The median, and the lowest and highest when they differ: `7.2 [6.8–8.5]`. */
export function formatSpread(values: readonly number[]): string {
  const { median, lowest, highest } = spreadOf(values);
  if (values.length === 1) return formatNumber(median);
  return `${formatNumber(median)} [${formatNumber(lowest)}–${formatNumber(highest)}]`;
}

export function formatTarget(target: Target): string {
  return `${target.met ? "met" : "MISSED"}: ${target.what}: wanted ${target.wanted}, measured ${target.measured}`;
}
