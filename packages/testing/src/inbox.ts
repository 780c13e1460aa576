import { after, monotonic } from "./clock.ts";

/** How long a test waits for something that must come. Generous: the machine may be busy; it costs only when a test fails. */
export const PATIENCE_MS = 15_000;

interface Waiter<T> {
  readonly matches: (item: T) => boolean;
  readonly resolve: (item: T) => void;
  readonly reject: (reason: Error) => void;
  readonly cancelDeadline: () => void;
}

/** What came from the other side, to be awaited. Nothing is lost: what no one asked for stays, in order. */
export class Inbox<T> {
  /** Everything that ever came, in order, taken or not. */
  readonly log: T[] = [];
  readonly #name: string;
  readonly #show: (item: T) => string;
  #pending: T[] = [];
  #waiters: Waiter<T>[] = [];
  #endReason: string | undefined;

  constructor(name: string, show: (item: T) => string) {
    this.#name = name;
    this.#show = show;
  }

  push(item: T): void {
    this.log.push(item);
    const index = this.#waiters.findIndex((waiter) => waiter.matches(item));
    const waiter = this.#waiters[index];
    if (waiter === undefined) {
      this.#pending.push(item);
      return;
    }
    this.#waiters.splice(index, 1);
    waiter.cancelDeadline();
    waiter.resolve(item);
  }

  /** Nothing more will come; who still waits learns it at once. */
  end(reason: string): void {
    this.#endReason ??= reason;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      waiter.cancelDeadline();
      waiter.reject(new Error(`${this.#name}: ended (${reason}) while waiting${this.#story()}`));
    }
  }

  /**
   * Takes the first item that matches, waiting for it if need be; without `matches`, the very next one.
   * Rejects after `timeoutMs`, or at the end, and says what did come.
   */
  next(
    matches: (item: T) => boolean = () => true,
    what = "the next item",
    timeoutMs = PATIENCE_MS,
  ): Promise<T> {
    const index = this.#pending.findIndex(matches);
    if (index >= 0) return Promise.resolve(this.#pending.splice(index, 1)[0] as T);
    if (this.#endReason !== undefined) {
      return Promise.reject(
        new Error(`${this.#name}: ended (${this.#endReason}), so ${what} cannot come${this.#story()}`),
      );
    }
    return new Promise((resolve, reject) => {
      const deadline = after(timeoutMs, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(new Error(`${this.#name}: no ${what} within ${timeoutMs} ms${this.#story()}`));
      });
      const waiter: Waiter<T> = { matches, resolve, reject, cancelDeadline: () => deadline.cancel() };
      this.#waiters.push(waiter);
    });
  }

  /** Takes what came and nobody asked for. */
  rest(): T[] {
    const items = this.#pending;
    this.#pending = [];
    return items;
  }

  #story(): string {
    const shown = this.log.slice(-12).map((item) => `\n    ${this.#show(item).slice(0, 300)}`);
    const omitted = this.log.length > 12 ? `\n    (${this.log.length - 12} earlier)` : "";
    return this.log.length === 0 ? "; nothing ever came" : `; what came:${omitted}${shown.join("")}`;
  }
}

/** Puts the lines of a stream into the inbox until it ends. */
export async function readLines(stream: ReadableStream<Uint8Array>, inbox: Inbox<string>): Promise<void> {
  const decoder = new TextDecoder();
  let open = "";
  for await (const chunk of stream) {
    const lines = (open + decoder.decode(chunk, { stream: true })).split("\n");
    open = lines.pop() ?? "";
    for (const line of lines) inbox.push(line);
  }
  if (open !== "") inbox.push(open);
}

/** The promise, or a rejection that names what was awaited. */
export async function withDeadline<T>(
  promise: Promise<T>,
  what: () => string,
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const deadline = after(timeoutMs, () => reject(new Error(`${what()} (${timeoutMs} ms passed)`)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    deadline.cancel();
  }
}

/**
 * Looks again and again until the condition holds. Only for what sends no event to this process, such as the end of
 * somebody else's child process; everything else is awaited in an inbox.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const deadlineMs = monotonic() + timeoutMs;
  while (!(await condition())) {
    if (monotonic() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await elapsed(20);
  }
}

/** For the one thing that only time can show: that the server means the `retryAfterMs` it names. */
export function elapsed(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    after(durationMs, resolve);
  });
}
