/** Fits costs that add up: how much each counted thing costs, from runs in which their counts differ. */

export interface Observation {
  /** How often each thing happened. */
  readonly counts: readonly number[];
  readonly cost: number;
}

export interface Fit {
  /** The cost of one of each; never negative: what would be is left out, as nothing saves time by happening. */
  readonly costs: readonly number[];
  /** The mean share by which the runs differ from the fit. */
  readonly error: number;
}

/** Weighs relative differences, so that small runs count as much as large ones. Throws RangeError without a run. */
export function fitCosts(observations: readonly Observation[]): Fit {
  const [first] = observations;
  if (first === undefined) throw new RangeError("nothing to fit");
  let used = first.counts.map((_, index) => index);
  for (;;) {
    const solution = solve(observations, used);
    const negative = used.filter((_, at) => (solution[at] ?? 0) < 0);
    if (negative.length === 0 || negative.length === used.length) {
      const costs = first.counts.map((_, index) => Math.max(0, solution[used.indexOf(index)] ?? 0));
      return { costs, error: meanError(observations, costs) };
    }
    used = used.filter((index) => !negative.includes(index));
  }
}

function meanError(observations: readonly Observation[], costs: readonly number[]): number {
  const errors = observations.map(({ counts, cost }) => {
    const fitted = counts.reduce((sum, count, index) => sum + count * (costs[index] ?? 0), 0);
    return Math.abs(fitted - cost) / cost;
  });
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

/** The normal equations of the weighted problem, by Gaussian elimination; a thing that never differs costs nothing. */
function solve(observations: readonly Observation[], used: readonly number[]): number[] {
  const rows = observations.map(({ counts, cost }) => used.map((index) => (counts[index] ?? 0) / cost));
  const matrix = used.map((_, row) => [
    ...used.map((_other, column) => rows.reduce((sum, r) => sum + (r[row] ?? 0) * (r[column] ?? 0), 0)),
    rows.reduce((sum, r) => sum + (r[row] ?? 0), 0),
  ]);
  const size = used.length;
  for (let pivot = 0; pivot < size; pivot += 1) {
    const best = matrix.slice(pivot).reduce((high, row) => (abs(row, pivot) > abs(high, pivot) ? row : high));
    const at = matrix.indexOf(best);
    [matrix[pivot], matrix[at]] = [best, matrix[pivot] ?? best];
    const scale = best[pivot] ?? 0;
    if (Math.abs(scale) < 1e-15) continue;
    for (const [index, row] of matrix.entries()) {
      if (index === pivot) continue;
      const factor = (row[pivot] ?? 0) / scale;
      for (let column = pivot; column <= size; column += 1)
        row[column] = (row[column] ?? 0) - factor * (best[column] ?? 0);
    }
  }
  return matrix.map((row, index) => (abs(row, index) < 1e-15 ? 0 : (row[size] ?? 0) / (row[index] ?? 1)));
}

function abs(row: readonly number[], column: number): number {
  return Math.abs(row[column] ?? 0);
}
