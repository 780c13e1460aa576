/** A worker's end of the link to the primary: numbered requests and their answers, and a hand-out of what comes unasked. */

import type { Draft } from "../ports/store.ts";
import type { LineConnection } from "./lines.ts";
import {
  type AppendOutcome,
  type Calls,
  decodeAnswer,
  decodeOutcome,
  decodeStatement,
  encodeAppend,
  encodeCall,
  encodeStatement,
  type PrimaryTag,
  type Statements,
  tags,
} from "./messages.ts";

type LineHandler = (line: string) => void;

/** More unanswered requests than this are refused as busy: the primary is stuck. */
const MAX_PENDING = 50_000;
const BUSY: AppendOutcome = Object.freeze({ ok: false, refusal: "busy" });
const UNAVAILABLE: AppendOutcome = Object.freeze({ ok: false, refusal: "unavailable" });

export class PrimaryLink {
  private nextRef = 1;
  private readonly appends = new Map<number, (outcome: AppendOutcome) => void>();
  private readonly calls = new Map<number, (value: unknown) => void>();
  private readonly handlers = new Map<string, LineHandler>();

  constructor(private readonly connection: LineConnection) {}

  get pending(): number {
    return this.appends.size + this.calls.size;
  }

  get isOpen(): boolean {
    return this.connection.isOpen;
  }

  /** Lines of this kind, which answer no request. */
  on(tag: PrimaryTag, handler: LineHandler): void {
    this.handlers.set(tag, handler);
  }

  onStatement<T extends PrimaryTag & keyof Statements>(
    tag: T,
    handler: (value: Statements[T]) => void,
  ): void {
    this.on(tag, (line) => handler(decodeStatement(tag, line)));
  }

  state<T extends keyof Statements>(tag: T, value: Statements[T]): void {
    this.send(encodeStatement(tag, value));
  }

  send(line: string): void {
    this.connection.send(line);
  }

  flush(): void {
    this.connection.flush();
  }

  append(draft: Draft, done: (outcome: AppendOutcome) => void): void {
    if (this.pending >= MAX_PENDING || !this.connection.isOpen) {
      const outcome = this.connection.isOpen ? BUSY : UNAVAILABLE;
      queueMicrotask(() => done(outcome));
      return;
    }
    const ref = this.nextRef++;
    this.appends.set(ref, done);
    this.connection.send(encodeAppend(ref, draft));
  }

  /** Undefined when the primary is stuck or gone. */
  call<T extends keyof Calls>(tag: T, value: Calls[T]["asked"]): Promise<Calls[T]["answer"] | undefined> {
    if (this.pending >= MAX_PENDING || !this.connection.isOpen) return Promise.resolve(undefined);
    const ref = this.nextRef++;
    return new Promise((resolve) => {
      this.calls.set(ref, resolve as (value: unknown) => void);
      this.connection.send(encodeCall(tag, ref, value));
    });
  }

  receive(line: string): void {
    const tag = line.charAt(0);
    if (tag === tags.appended || tag === tags.refused) {
      const { ref, outcome } = decodeOutcome(line);
      const done = this.appends.get(ref);
      this.appends.delete(ref);
      done?.(outcome);
    } else if (tag === tags.answer) {
      const { ref, value } = decodeAnswer(line);
      const resolve = this.calls.get(ref);
      this.calls.delete(ref);
      resolve?.(value);
    } else {
      this.handlers.get(tag)?.(line);
    }
  }

  /** Everything unanswered will not be answered any more. */
  fail(): void {
    for (const done of this.appends.values()) done(UNAVAILABLE);
    for (const resolve of this.calls.values()) resolve(undefined);
    this.appends.clear();
    this.calls.clear();
  }
}
