import { TAB_REQUESTS } from "./limits.ts";

/** Above every number that a tab gives to requests of its own. */
const FIRST_SHARED_REF = 1_000_000_000;

interface TabRequest {
  readonly tab: string;
  /** The number that it has there. */
  readonly ref: number;
}

/** Requests of followers that are under way over the leader's connection, by the numbers that they have there. */
export class TabRequests {
  readonly #requests = new Map<number, TabRequest>();
  #lastRef = FIRST_SHARED_REF;

  /** Returns the number to send it with. Of more than TAB_REQUESTS, the oldest is forgotten. */
  add(request: TabRequest): number {
    this.#lastRef += 1;
    this.#requests.set(this.#lastRef, request);
    const [oldest] = this.#requests.keys();
    if (this.#requests.size > TAB_REQUESTS && oldest !== undefined) this.#requests.delete(oldest);
    return this.#lastRef;
  }

  take(ref: number): TabRequest | undefined {
    const request = this.#requests.get(ref);
    this.#requests.delete(ref);
    return request;
  }

  clear(): void {
    this.#requests.clear();
  }
}
