/**
 * Conversations of which something came before their summary: each is asked for once at a time, again when something
 * came meanwhile, which the answer may not hold yet, and again later when there was no answer.
 */
import type { Conversation } from "@duologue/protocol";
import type { RequestError } from "./errors.ts";
import type { Requests } from "./requests.ts";

/** After these, the same question may be answered. */
const PASSING: ReadonlySet<string> = new Set(["timeout", "disconnected", "busy", "unavailable", "too_fast"]);

export class Lookups {
  readonly #requests: Requests;
  readonly #found: (conversation: Conversation) => void;
  readonly #wanted = new Map<string, "asked" | "overtaken" | "failed">();

  constructor(requests: Requests, found: (conversation: Conversation) => void) {
    this.#requests = requests;
    this.#found = found;
  }

  ask(id: string): void {
    if ((this.#wanted.get(id) ?? "failed") !== "failed") {
      this.#wanted.set(id, "overtaken");
      return;
    }
    this.#wanted.set(id, "asked");
    this.#requests.start<"open">({ type: "open", conversation: id }, true, {
      done: ({ conversation }) => {
        const isOvertaken = this.#wanted.get(id) === "overtaken";
        this.#wanted.delete(id);
        this.#found(conversation);
        if (isOvertaken) this.ask(id);
      },
      failed: (error) => this.#onFailed(id, error),
    });
  }

  /** What was not answered. */
  askAgain(): void {
    for (const [id, state] of [...this.#wanted]) if (state === "failed") this.ask(id);
  }

  clear(): void {
    this.#wanted.clear();
  }

  #onFailed(id: string, error: RequestError): void {
    if (PASSING.has(error.code)) this.#wanted.set(id, "failed");
    else this.#wanted.delete(id);
  }
}
