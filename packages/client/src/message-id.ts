import type { Environment } from "./environment.ts";

/**
 * Makes UUIDs of version 7 (RFC 9562 §5.7): 48 bits of time, then random bits. The 12 bits after the time count up
 * inside one millisecond (§6.2, method 1) and the time never goes back, so sorting the ids of one maker gives the order in
 * which they were made, which is how the outbox finds its order again after a reload.
 */
export class MessageIds {
  readonly #environment: Environment;
  #time = 0;
  #counter = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** `after`: an id of an earlier visit, whose clock may have been ahead of this one's; the new one sorts behind it. */
  next(after = ""): string {
    this.#passBy(after);
    const bytes = this.#environment.randomBytes(10);
    const now = this.#environment.now();
    if (now > this.#time) {
      this.#time = now;
      // The top bit stays free, so that a full millisecond has room for at least 2,048 ids.
      this.#counter = (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) & 0x7ff;
    } else if (this.#counter < 0xfff) {
      this.#counter += 1;
    } else {
      this.#time += 1;
      this.#counter = 0;
    }
    const time = this.#time.toString(16).padStart(12, "0");
    const counter = this.#counter.toString(16).padStart(3, "0");
    const variant = (((bytes[2] ?? 0) & 0x3f) | 0x80).toString(16);
    const rest = Array.from(bytes.subarray(3, 10), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${variant}${rest.slice(0, 2)}-${rest.slice(2)}`;
  }
  #passBy(id: string): void {
    const time = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    const counter = Number.parseInt(id.slice(15, 18), 16);
    if (!(time > this.#time || (time === this.#time && counter > this.#counter))) return;
    this.#time = time;
    this.#counter = counter;
  }
}
