/** Which of what waits for an answer waited at the last look already. */
export class Overdue {
  #seen: ReadonlySet<string> = new Set();

  look(waiting: readonly string[]): readonly string[] {
    const overdue = waiting.filter((id) => this.#seen.has(id));
    this.#seen = new Set(waiting);
    return overdue;
  }

  clear(): void {
    this.#seen = new Set();
  }
}
