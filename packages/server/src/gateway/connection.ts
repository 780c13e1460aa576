/**
 * One client's connection and what waits to be sent to it. Frames are collected per turn of the event loop and written
 * at its end, one cork per socket: a system call for each frame would cost more than everything else here.
 */
import { type CloseName, closeTable } from "@duologue/protocol";
import type { Clock } from "../clock.ts";
import type { Origin, Position, UserId, UserRecord } from "../ports/store.ts";
import type { TokenBucket } from "./rate.ts";

/** Where a v1 connection stands. Only `ready` may do anything but log in. */
export type V1State =
  | { readonly name: "hello-expected" }
  /** The login is being decided; frames that come meanwhile wait. */
  | { readonly name: "joining"; readonly waiting: string[] }
  | {
      readonly name: "ready";
      user: UserRecord;
      session: string;
      /** When the token ends, in milliseconds since 1970. */
      expiresAt: number;
      /** A member was told that the token ends soon. */
      isExpiryTold: boolean;
      /** Frames that came before the welcome, and go before what comes after it. */
      waiting: string[] | undefined;
    };

export type ClassicState =
  | { readonly name: "anonymous" }
  | { readonly name: "joining"; readonly waiting: string[] }
  | {
      readonly name: "ready";
      readonly user: UserRecord;
      /** Conversations with v1 users, by their id; made when first needed. */
      readonly conversations: Map<string, Promise<string | undefined>>;
      /** Frames that came while an earlier one waits for the newest list. */
      waiting: string[] | undefined;
    };

/** Whether one more frame may wait while a login, or a look-up, is being decided. */
export function mayWait(
  waiting: readonly string[],
  frame: string,
  maxFrames: number,
  maxLength: number,
): boolean {
  if (waiting.length >= maxFrames) return false;
  return waiting.reduce((sum, { length }) => sum + length, frame.length) <= maxLength;
}

export type Session =
  | { readonly protocol: "v1"; state: V1State }
  | { readonly protocol: "classic"; state: ClassicState };

/** What a connection needs of Bun's ServerWebSocket; the simulator has one of its own. */
export interface ClientSocket {
  readonly remoteAddress: string;
  /** The bytes taken; −1: taken, but the peer is behind. 0: dropped, for an empty frame or because too much waits. */
  sendText(frame: string): number;
  /** Everything sent inside goes out at once. */
  cork(send: () => void): void;
  close(code: number, reason: string): void;
  /** Without a close frame. */
  terminate(): void;
  /** Bytes that the peer has not taken yet. */
  getBufferedAmount(): number;
}

const NOBODY: ReadonlySet<UserId> = new Set();
const CLOSE_DEADLINE_MS = 3_000;

export class Connection {
  socket: ClientSocket | undefined;
  isClosed = false;
  /** It asked to be logged out and is owed an answer before it is closed. */
  isLeaving = false;
  /** Requests of this connection that wait for the store. */
  pending = 0;
  /** Frames refused as too fast, less those that were taken since. */
  refusedFrames = 0;
  /** Of the other end of the TCP connection, which may be a proxy's. */
  peerPort = 0;
  /** What the frames that were reported may have taken on the wire; see hidden-frames.ts. */
  accountedBytes = 0;
  /** Bytes beyond those when it was busy first; undefined before. */
  hiddenBytes: number | undefined;
  /** v1: the user's position up to which it was told, or will notice by itself that something is missing. */
  position: Position = 0;
  /** The version of the lobby that was sent last; 0 before the first. */
  lobbyVersion = 0;
  /** Whose coming and going it is told. */
  watched: ReadonlySet<UserId> = NOBODY;
  /** Frames that asked for it, and which of them holds. */
  watchFrames = 0;
  watchedTurn = 0;
  /** Why the server closed it, if it did. */
  closedWith: CloseName | undefined;
  /** On the monotonic clock, like `openedAt`. */
  lastFrameAt: number;
  private frames: string[] = [];
  private queuedLength = 0;
  /** Held back until the welcome is there, which must come first. */
  private isHeld = false;

  constructor(
    readonly id: Origin,
    readonly session: Session,
    /** classic: `ip:port`, under which others write to it. */
    readonly address: string,
    /** What limits per address go by; empty for this machine itself, which has none. */
    readonly rateKey: string,
    private readonly bucket: TokenBucket,
    private readonly outlet: Outlet,
    readonly openedAt: number,
  ) {
    this.lastFrameAt = openedAt;
  }

  /** A frame has come. 0: it is taken; otherwise too fast, and it would be taken after this many ms. */
  admit(nowMs: number): number {
    const retryAfterMs = this.bucket.take(nowMs);
    // Counted down and not forgotten: in every flood a frame is in time now and then.
    this.refusedFrames = retryAfterMs > 0 ? this.refusedFrames + 1 : Math.max(0, this.refusedFrames - 1);
    return retryAfterMs;
  }

  /** What it is told, it has, or its client notices the gap before it. */
  advanceTo(position: Position): void {
    if (position > this.position) this.position = position;
  }

  push(frame: string): void {
    if (this.isClosed) return;
    this.frames.push(frame);
    this.queuedLength += frame.length;
    if (this.queuedLength > this.outlet.outboxBytes) {
      this.close("slow_consumer");
      return;
    }
    if (this.frames.length === 1 && !this.isHeld) this.outlet.add(this);
  }

  hold(): void {
    this.isHeld = true;
  }

  /** Ends `hold`: `first` goes out before everything that was held back. */
  release(first: string): void {
    this.isHeld = false;
    this.frames.unshift(first);
    this.queuedLength += first.length;
    this.outlet.add(this);
  }

  /** Ends `hold` without a welcome: what was held back is nothing to somebody who is not let in. */
  discardHeld(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.frames = [];
    this.queuedLength = 0;
  }

  /** True while the peer does not take what was sent before. */
  get isCongested(): boolean {
    return (this.socket?.getBufferedAmount() ?? 0) > 0;
  }

  close(name: CloseName): void {
    if (this.isClosed) return;
    this.flush();
    this.isClosed = true;
    this.closedWith = name;
    const { socket } = this;
    if (socket === undefined) return;
    if (!this.isCongested) socket.close(closeTable[name].code, name);
    // Bun takes a socket that was closed out of our hands, and keeps it, with all that waits for a peer that does not
    // read, for a quarter of a minute. So it is closed when it has drained, or cut.
    else this.outlet.clock.after(CLOSE_DEADLINE_MS, () => socket.terminate());
  }

  /** The peer has taken something of what waited. */
  onDrain(): void {
    if (this.closedWith === undefined || this.isCongested) return;
    this.socket?.close(closeTable[this.closedWith].code, this.closedWith);
  }

  /** Ends it without a word: one that floods is not to be waited for. */
  cut(name: CloseName): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.closedWith = name;
    this.socket?.terminate();
  }

  /** Called once per turn in which something was pushed. */
  flush(): void {
    const { socket, frames } = this;
    if (frames.length === 0 || this.isHeld) return;
    this.frames = [];
    this.queuedLength = 0;
    if (socket === undefined || this.isClosed) return;
    this.outlet.messagesOut += frames.length;
    if (frames.length === 1) this.write(socket, frames[0] ?? "");
    else
      socket.cork(() => {
        for (const frame of frames) this.write(socket, frame);
      });
  }

  private write(socket: ClientSocket, frame: string): void {
    const taken = socket.sendText(frame);
    if (taken === 0 && !this.isClosed) this.outlet.defer(() => this.close("slow_consumer"));
  }
}

/** Collects the connections that have something to send, and flushes each once at the end of the turn. */
export class Outlet {
  messagesOut = 0;
  private dirty: Connection[] = [];

  constructor(
    readonly clock: Clock,
    readonly outboxBytes: number,
  ) {}

  add(connection: Connection): void {
    this.dirty.push(connection);
    if (this.dirty.length === 1) this.clock.endOfTurn(this.flushAll);
  }

  /** Outside of a cork. */
  defer(run: () => void): void {
    this.clock.endOfTurn(run);
  }

  private readonly flushAll = (): void => {
    const connections = this.dirty;
    this.dirty = [];
    for (const connection of connections) connection.flush();
  };
}
