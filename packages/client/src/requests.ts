/** Frames that are answered by their `ref`: written, awaited, repeated after a cut, given up in time. */
import type { ClientFrame, ServerFrame, ServerFrameOf } from "@duologue/protocol";
import type { Environment, Timer } from "./environment.ts";
import { RequestError } from "./errors.ts";
import { REQUEST_RETRY_MAX_MS, REQUEST_RETRY_MS, REQUEST_TIMEOUT_MS, REQUESTS_MAX } from "./limits.ts";

/** Which frame answers which request. */
interface Answers {
  readonly search: "users";
  readonly open: "conversation";
  readonly conversations: "conversations";
  readonly history: "history";
  readonly watch: "presence";
  readonly sync: "changes";
  readonly rename: "renamed";
  readonly token: "token-accepted";
  readonly logout: "logged-out";
}

const answerTypes: Answers = {
  search: "users",
  open: "conversation",
  conversations: "conversations",
  history: "history",
  watch: "presence",
  sync: "changes",
  rename: "renamed",
  token: "token-accepted",
  logout: "logged-out",
};

type RequestType = keyof Answers;
export type Answer<T extends RequestType> = ServerFrameOf<Answers[T]>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Request<T extends RequestType> = DistributiveOmit<Extract<ClientFrame, { type: T }>, "ref">;

export interface RequestEnd<T extends RequestType> {
  done(answer: Answer<T>): void;
  failed(error: RequestError): void;
}

interface Waiting {
  readonly frame: ClientFrame;
  readonly answer: ServerFrame["type"];
  /** Written again on the next connection, instead of failing with `disconnected`. */
  readonly lasting: boolean;
  readonly done: (answer: ServerFrame) => void;
  readonly failed: (error: RequestError) => void;
  readonly deadline: Timer;
  retry: Timer | undefined;
}

export class Requests {
  readonly #environment: Environment;
  readonly #write: (frame: ClientFrame) => boolean;
  readonly #waiting = new Map<number, Waiting>();
  #lastRef = 0;

  constructor(environment: Environment, write: (frame: ClientFrame) => boolean) {
    this.#environment = environment;
    this.#write = write;
  }

  /**
   * `lasting` requests outlive a cut (every one of them may be repeated without harm); the others fail with
   * `disconnected`. Exactly one of the two ends is called, `failed` perhaps already inside this call.
   */
  start<T extends RequestType>(request: Request<T>, lasting: boolean, end: RequestEnd<T>): void {
    if (this.#waiting.size >= REQUESTS_MAX) {
      end.failed(new RequestError("busy", "Too many requests wait for an answer."));
      return;
    }
    this.#lastRef += 1;
    const ref = this.#lastRef;
    // The type of the frame names its fields; spreading a generic loses that, so it is said again.
    const frame = { ...request, ref } as unknown as ClientFrame;
    const type = (request as { readonly type: T }).type;
    const waiting: Waiting = {
      frame,
      answer: answerTypes[type],
      lasting,
      done: (answer) => end.done(answer as Answer<T>),
      failed: end.failed,
      deadline: this.#environment.after(REQUEST_TIMEOUT_MS, () =>
        this.#fail(ref, new RequestError("timeout", "The server did not answer in time.")),
      ),
      retry: undefined,
    };
    this.#waiting.set(ref, waiting);
    if (!this.#write(frame) && !lasting) this.#fail(ref, disconnected());
  }

  promise<T extends RequestType>(request: Request<T>): Promise<Answer<T>> {
    return new Promise((resolve, reject) => {
      this.start<T>(request, true, { done: resolve, failed: reject });
    });
  }

  /** True when the frame was the answer to a request. */
  receive(frame: ServerFrame): boolean {
    if (!("ref" in frame) || frame.ref === undefined) return false;
    const waiting = this.#waiting.get(frame.ref);
    if (waiting === undefined) return false;
    if (frame.type === "error") {
      this.#onRefused(frame.ref, waiting, frame);
      return true;
    }
    if (frame.type !== waiting.answer) return false;
    this.#forget(frame.ref, waiting);
    waiting.done(frame);
    return true;
  }

  connected(): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.retry === undefined) this.#write(waiting.frame);
    }
  }

  disconnected(): void {
    for (const [ref, waiting] of [...this.#waiting]) {
      if (!waiting.lasting) this.#fail(ref, disconnected());
    }
  }

  /** Fails everything that still waits. */
  close(): void {
    for (const ref of [...this.#waiting.keys()]) this.#fail(ref, disconnected());
  }

  #onRefused(ref: number, waiting: Waiting, frame: ServerFrameOf<"error">): void {
    const delayMs = frame.retryAfterMs ?? REQUEST_RETRY_MS;
    if (!frame.retryable || delayMs > REQUEST_RETRY_MAX_MS) {
      this.#fail(ref, new RequestError(frame.code, frame.message, frame.suggestion));
      return;
    }
    waiting.retry?.cancel();
    waiting.retry = this.#environment.after(delayMs, () => {
      waiting.retry = undefined;
      this.#write(waiting.frame);
    });
  }

  #fail(ref: number, error: RequestError): void {
    const waiting = this.#waiting.get(ref);
    if (waiting === undefined) return;
    this.#forget(ref, waiting);
    waiting.failed(error);
  }

  #forget(ref: number, waiting: Waiting): void {
    waiting.deadline.cancel();
    waiting.retry?.cancel();
    this.#waiting.delete(ref);
  }
}

function disconnected(): RequestError {
  return new RequestError("disconnected", "The connection to the server is gone.");
}
