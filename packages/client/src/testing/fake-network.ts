/** Hand-flushed sockets: nothing moves until the test says so. */
import {
  type ClientFrame,
  closeTable,
  defaultLimits,
  type ErrorCode,
  encodeFrame,
  errorTable,
  type FrameReference,
  type ServerFrame,
} from "@duologue/protocol";
import type { Socket, SocketEvents } from "../environment.ts";
import type { FakeUser } from "./fake-users.ts";

/** One connection. What is on its way is in the two queues. */
export class FakeLink {
  readonly events: SocketEvents;
  readonly up: string[] = [];
  readonly down: string[] = [];
  /** All frames that the server took from it, in order. */
  readonly taken: ClientFrame[] = [];
  user: FakeUser | undefined;
  /** Whose coming and going it is told. */
  watched: readonly string[] = [];
  /** By which the user is here. */
  token = "";
  isOpen = false;
  isGone = false;
  /** By the client, which then hears nothing more. */
  isDropped = false;
  /** Fault switch: nothing moves any more, and nobody is told. */
  isDead = false;

  constructor(events: SocketEvents) {
    this.events = events;
  }
}

export interface FakeRefusal extends FrameReference {
  readonly retryAfterMs?: number;
  readonly suggestion?: string;
  /** Behind the table's message. */
  readonly detail?: string;
}

export abstract class FakeNetwork {
  readonly links: FakeLink[] = [];
  /** Fault switches: a frame that this one names never leaves. */
  losesHint: (frame: ServerFrame) => boolean = () => false;
  acceptsSockets = true;
  /** Called when a client has done something that waits to be moved. */
  onWork: () => void = () => {};

  protected abstract receive(link: FakeLink, text: string): void;
  /** The connection has gone; `atOnce`: by its user's wish, and for good. */
  protected abstract left(link: FakeLink, atOnce: boolean): void;

  openSocket(events: SocketEvents): Socket {
    const link = new FakeLink(events);
    this.links.push(link);
    this.onWork();
    return {
      send: (text) => {
        if (!link.isGone) link.up.push(text);
        this.onWork();
      },
      drop: () => {
        link.isDropped = true;
        this.#leave(link);
      },
    };
  }

  get last(): FakeLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new RangeError("nobody has connected yet");
    return link;
  }

  /** Moves one thing of one link: opens it, or brings one frame over. False when it has nothing to move. */
  step(link: FakeLink): boolean {
    if (link.isGone || link.isDead) return false;
    if (!link.isOpen) {
      if (!this.acceptsSockets) this.cut(link);
      else {
        link.isOpen = true;
        link.events.opened();
      }
      return true;
    }
    const up = link.up.shift();
    if (up !== undefined) {
      this.#take(link, up);
      return true;
    }
    const down = link.down.shift();
    if (down === undefined) return false;
    link.events.received(down);
    return true;
  }

  /** Until nothing moves any more; false when nothing had to. */
  flush(): boolean {
    for (let rounds = 0; ; rounds += 1) {
      let moved = false;
      for (const link of [...this.links]) moved = this.step(link) || moved;
      if (!moved) return rounds > 0;
    }
  }

  /** What is on its way is lost, in both directions. */
  cut(link: FakeLink, code = 1006): void {
    if (link.isGone) return;
    this.#leave(link);
    link.events.closed(code);
  }

  /** The server's wish: what it has said before still arrives. */
  close(link: FakeLink, code: number, atOnce = false): void {
    if (link.isGone) return;
    const down = link.down.splice(0);
    this.#leave(link, atOnce);
    for (const text of down) if (!link.isDropped) link.events.received(text);
    if (!link.isDropped) link.events.closed(code);
  }

  push(link: FakeLink, frame: ServerFrame): void {
    if (!link.isGone && !this.losesHint(frame)) link.down.push(encodeFrame(frame));
  }

  refuse(link: FakeLink, code: ErrorCode, { detail, ...more }: FakeRefusal = {}): void {
    const { message, retryable } = errorTable[code];
    const whole = detail === undefined ? message : `${message} ${detail}`;
    this.push(link, { type: "error", code, message: whole, retryable, ...more } as ServerFrame);
  }

  #take(link: FakeLink, text: string): void {
    const bytes = new TextEncoder().encode(text).length;
    if (link.user === undefined && bytes > defaultLimits.helloBytes)
      this.close(link, closeTable.unauthenticated_limit.code);
    else if (bytes > defaultLimits.frameBytes) this.close(link, closeTable.frame_too_big.code);
    else this.receive(link, text);
  }

  #leave(link: FakeLink, atOnce = false): void {
    if (link.isGone) return;
    link.isGone = true;
    link.up.length = 0;
    link.down.length = 0;
    this.left(link, atOnce);
  }
}
