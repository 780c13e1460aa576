/** One question for all who ask the same while it is under way. */

/** So that a flood of askers costs no more than one, each after the other. A failure is all of theirs, too. */
export function shareAnswer<T>(ask: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => {
    underWay ??= ask().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}
