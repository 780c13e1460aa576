/**
 * Tells listeners after the turn's work, once for all changes in it: a listener sees a whole state, and its faults cannot
 * stop that work.
 */
export class Notifier {
  readonly #listeners = new Set<() => void>();
  #isDue = false;

  /** Returns how to stop. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}
