/** The one place of this package with time and timers: a test waits for things to happen; this ends waits in vain. */
export interface Timer {
  cancel(): void;
}

export function after(delayMs: number, run: () => void): Timer {
  const handle = setTimeout(run, delayMs);
  return { cancel: () => clearTimeout(handle) };
}

export function monotonic(): number {
  return performance.now();
}
