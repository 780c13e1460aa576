/** The service worker's time. */
export function abortAfter(delayMs: number): AbortSignal {
  return AbortSignal.timeout(delayMs);
}
