/** Notices when every connection knows everybody, and when the lists have calmed down after that. */
import type { BenchClock } from "../clock.ts";
import type { SocketListener } from "./open-sockets.ts";

/** What a protocol's frames say about who is there. */
export interface LobbyFrames {
  /** Whether connection `index` knows all users after this frame. */
  completes(index: number, bytes: Uint8Array, start: number, end: number): boolean;
}

export type FrameHandler = (index: number, bytes: Uint8Array, start: number, end: number) => void;

export class LobbyWatch implements SocketListener {
  /** Resolves when every connection knows everybody; rejects when one of them was closed before. */
  readonly complete: Promise<void>;
  completeAtMs = 0;
  private readonly decided: { resolve(): void; reject(error: Error): void };
  private readonly known: Uint8Array;
  private knownCount = 0;
  private lastFrameMs: number;
  private handler: FrameHandler | undefined;
  private onFailure: (error: Error) => void = () => undefined;

  private readonly clock: BenchClock;
  private readonly count: number;
  private readonly frames: LobbyFrames;

  constructor(clock: BenchClock, count: number, frames: LobbyFrames) {
    this.clock = clock;
    this.count = count;
    this.frames = frames;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.complete = promise;
    this.decided = { resolve, reject };
    this.known = new Uint8Array(count);
    this.lastFrameMs = clock.monotonic();
    // Observed at once: a connection may fail before anybody awaits the lists.
    promise.catch(() => undefined);
  }

  /** From now on frames go to `handler`, and lost connections to `onFailure`. */
  handOver(handler: FrameHandler, onFailure: (error: Error) => void): void {
    this.handler = handler;
    this.onFailure = onFailure;
  }

  fail(error: Error): void {
    this.decided.reject(error);
    this.onFailure(error);
  }

  onFrame(index: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.handler !== undefined) {
      this.handler(index, bytes, start, end);
      return;
    }
    this.lastFrameMs = this.clock.monotonic();
    if (this.known[index] === 1 || !this.frames.completes(index, bytes, start, end)) return;
    this.known[index] = 1;
    this.knownCount += 1;
    if (this.knownCount < this.count) return;
    this.completeAtMs = this.lastFrameMs;
    this.decided.resolve();
  }

  /** Resolves when no frame came for `quietMs`. */
  async calm(quietMs: number): Promise<void> {
    for (;;) {
      const remainingMs = this.lastFrameMs + quietMs - this.clock.monotonic();
      if (remainingMs <= 0) return;
      await this.clock.pause(remainingMs);
    }
  }
}
