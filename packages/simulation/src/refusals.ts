/**
 * What the store refused for the moment. A refused message is sent again, and what was on its way at that time stands
 * before it then; nothing else may (docs/reliability.md).
 */
export class Refusals {
  /** Of what was noted, in the order in which it happened. */
  #count = 0;
  readonly #refused = new Map<string, number[]>();
  readonly #told = new Map<string, number[]>();
  readonly #written = new Map<string, number[]>();

  /** The store has refused it. */
  refused(id: string): void {
    this.#note(this.#refused, id);
  }

  /** A client has heard that. */
  told(id: string): void {
    this.#note(this.#told, id);
  }

  /** A client has written it to a connection. */
  written(id: string): void {
    this.#note(this.#written, id);
  }

  /** Whether the later message may stand before the earlier one: it was on its way before anybody heard of a refusal of that. */
  excuse(earlier: string, later: string): boolean {
    const told = this.#told.get(earlier) ?? [];
    return (this.#refused.get(earlier) ?? []).some((refusedAt) => {
      const toldAt = told.find((at) => at >= refusedAt) ?? Number.POSITIVE_INFINITY;
      return (this.#written.get(later) ?? []).some((at) => at < toldAt);
    });
  }

  #note(log: Map<string, number[]>, id: string): void {
    this.#count += 1;
    const known = log.get(id) ?? [];
    known.push(this.#count);
    log.set(id, known);
  }
}
