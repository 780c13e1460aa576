/** A v1 client that keeps no state of its own: what it sends and what it gets, frame by frame. */

import {
  type ClientFrame,
  type ClientFrameOf,
  type Conversation,
  decodeServerFrame,
  type ErrorCode,
  encodeFrame,
  errorTable,
  type ServerFrame,
  type ServerFrameOf,
  SUBPROTOCOL,
  serverFrameSchema,
} from "@duologue/protocol";
import { Inbox } from "@duologue/testing";
import { systemClock } from "../../src/clock.ts";
import { NOVELTY } from "./novelties.ts";
import { type CloseInfo, openSocket, type Socket, type SocketOptions } from "./socket.ts";

type ServerType = ServerFrame["type"];
type WithoutRef<F> = F extends { ref: number } ? Omit<F, "ref"> : never;
/** A request that is answered by `ref`; the peer makes the ref. */
export type Request = WithoutRef<ClientFrame>;
export type Hello = Omit<Partial<ClientFrameOf<"hello">>, "type">;
export type ErrorFrame = ServerFrameOf<"error">;

/** What a peer needs of a socket. */
export type PeerSocket = Pick<Socket, "received" | "closed" | "send" | "whenClosed" | "close" | "terminate">;
/** Where connections lead: an address, or what opens sockets to a server that has none. */
export type Place = string | { open(options: SocketOptions): Promise<PeerSocket> };

/** A request was answered with an error frame. */
export class RefusedError extends Error {
  readonly frame: ErrorFrame;

  constructor(frame: ErrorFrame) {
    super(`refused with ${frame.code}: ${frame.message}`);
    this.frame = frame;
  }
}

/** Letters of which no two, and no pairs of which, look alike. */
const LETTERS = "abcdefghjkprstxyz";

/** A nickname that nobody has had and nobody's looks like. */
export function freshName(start = "Guest"): string {
  let name = `${start} `;
  for (let count = 0; count < 10; count += 1) {
    name += LETTERS[Math.floor(systemClock.random() * LETTERS.length)];
  }
  return name;
}

export function freshId(): string {
  return Bun.randomUUIDv7();
}

export function textBody(text: string): { kind: "text"; text: string } {
  return { kind: "text", text };
}

/** What every frame of the server must be, whatever the test is about. */
function checkServerFrame(text: string): ServerFrame {
  const decoded = decodeServerFrame(text);
  if (!decoded.ok) throw new Error(`the server sent an invalid frame (${decoded.problem}): ${text}`);
  const { frame } = decoded;
  const known = serverFrameSchema.members[frame.type].describe.fields ?? {};
  const unknown = Object.keys(frame).filter((name) => !(name in known) && name !== NOVELTY);
  if (unknown.length > 0) throw new Error(`the server sent undocumented fields ${unknown}: ${text}`);
  if (frame.type === "error") {
    const entry = errorTable[frame.code as ErrorCode];
    if (entry === undefined || entry.retryable !== frame.retryable || frame.message === "") {
      throw new Error(`the server sent an error that differs from the table: ${text}`);
    }
  }
  return frame;
}

export class Peer implements AsyncDisposable {
  readonly frames: Inbox<ServerFrame>;
  readonly socket: PeerSocket;
  /** Hears each frame before anybody who waits for it. */
  onFrame: (frame: ServerFrame) => void = () => undefined;
  #welcome: ServerFrameOf<"welcome"> | undefined;
  #lastRef = 1000;

  private constructor(socket: PeerSocket, name: string) {
    this.socket = socket;
    this.frames = new Inbox(name, (frame) => encodeFrame(frame));
    const read = async (): Promise<void> => {
      for (;;) {
        const frame = checkServerFrame(await socket.received.next(undefined, undefined, 2 ** 31 - 1));
        this.onFrame(frame);
        this.frames.push(frame);
      }
    };
    read().catch((reason: unknown) => this.frames.end(String(reason)));
  }

  /** Opens a v1 connection and says nothing yet. */
  static async open(place: Place, options: SocketOptions = {}, name = "v1 client"): Promise<Peer> {
    const all = { protocol: SUBPROTOCOL, ...options };
    return new Peer(await (typeof place === "string" ? openSocket(place, all) : place.open(all)), name);
  }

  /** Opens a connection and logs in; without anything said, as a new guest. Throws `RefusedError` when refused. */
  static async connect(
    place: Place,
    hello: Hello = { nickname: freshName() },
    options: SocketOptions = {},
  ): Promise<Peer> {
    const peer = await Peer.open(place, options, hello.nickname ?? "returning guest");
    await peer.hello(hello);
    return peer;
  }

  async hello(hello: Hello): Promise<ServerFrameOf<"welcome">> {
    this.send({ type: "hello", version: 1, ...hello });
    const frame = await this.frames.next(
      ({ type }) => type === "welcome" || type === "error",
      "welcome or error",
    );
    if (frame.type === "error") throw new RefusedError(frame);
    this.#welcome = frame as ServerFrameOf<"welcome">;
    return this.#welcome;
  }

  get welcome(): ServerFrameOf<"welcome"> {
    if (this.#welcome === undefined) throw new Error("not logged in");
    return this.#welcome;
  }

  get id(): string {
    return this.welcome.user.id;
  }

  get name(): string {
    return this.welcome.user.name;
  }

  get token(): string {
    return this.welcome.token;
  }

  send(frame: ClientFrame): void {
    this.socket.send(encodeFrame(frame));
  }

  /** As it is, valid or not. */
  sendText(text: string): void {
    this.socket.send(text);
  }

  /** The first frame of this type (for which `matches` holds) that was not taken yet. */
  async next<T extends ServerType>(
    type: T,
    matches: (frame: ServerFrameOf<T>) => boolean = () => true,
  ): Promise<ServerFrameOf<T>> {
    const frame = await this.frames.next(
      (candidate) => candidate.type === type && matches(candidate as ServerFrameOf<T>),
      `${type} that fits`,
    );
    return frame as ServerFrameOf<T>;
  }

  /** The first frame of this type for which `matches` holds, were it taken before or not. */
  async seen<T extends ServerType>(
    type: T,
    matches: (frame: ServerFrameOf<T>) => boolean,
  ): Promise<ServerFrameOf<T>> {
    return this.all(type).find(matches) ?? (await this.next(type, matches));
  }

  /** Every frame of this type that ever came, taken or not. */
  all<T extends ServerType>(type: T): ServerFrameOf<T>[] {
    return this.frames.log.filter((frame): frame is ServerFrameOf<T> => frame.type === type);
  }

  /** Sends a request and resolves with its answer, whatever it is. */
  async answer(request: Request): Promise<ServerFrame> {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    this.send({ ...request, ref } as ClientFrame);
    return await this.frames.next(
      (frame) => "ref" in frame && frame.ref === ref,
      `answer to ${request.type}`,
    );
  }

  /** Sends a request and resolves with its answer of the type expected; `RefusedError` when refused. */
  async ask<T extends ServerType>(request: Request, type: T): Promise<ServerFrameOf<T>> {
    const frame = await this.answer(request);
    if (frame.type === "error") throw new RefusedError(frame as ErrorFrame);
    if (frame.type !== type) throw new Error(`expected ${type}, got ${encodeFrame(frame)}`);
    return frame as ServerFrameOf<T>;
  }

  /** Sends a request that must be refused, and resolves with the error frame. */
  async refusal(request: Request): Promise<ErrorFrame> {
    const frame = await this.answer(request);
    if (frame.type !== "error") throw new Error(`expected a refusal, got ${encodeFrame(frame)}`);
    return frame as ErrorFrame;
  }

  async open(user: string): Promise<Conversation> {
    return (await this.ask({ type: "open", user }, "conversation")).conversation;
  }

  /** Sends a frame that is answered by its `id`, and resolves with the `ack` or the `error`. */
  async write(
    frame: ClientFrameOf<"send"> | ClientFrameOf<"edit"> | ClientFrameOf<"retract">,
  ): Promise<ServerFrameOf<"ack"> | ErrorFrame> {
    this.send(frame);
    const reply = await this.frames.next(
      (candidate) => (candidate.type === "ack" || candidate.type === "error") && candidate.id === frame.id,
      `ack or error for ${frame.type} ${frame.id}`,
    );
    return reply as ServerFrameOf<"ack"> | ErrorFrame;
  }

  /** A message that must be taken. */
  async say(
    conversation: string,
    text: string,
    more: { id?: string; replyTo?: number } = {},
  ): Promise<ServerFrameOf<"ack">> {
    const frame = { type: "send", id: freshId(), conversation, body: textBody(text), ...more } as const;
    const reply = await this.write(frame);
    if (reply.type === "error") throw new RefusedError(reply);
    return reply;
  }

  edit(
    conversation: string,
    target: number,
    text: string,
    id = freshId(),
  ): Promise<ServerFrameOf<"ack"> | ErrorFrame> {
    return this.write({ type: "edit", id, conversation, target, body: textBody(text) });
  }

  retract(conversation: string, target: number, id = freshId()): Promise<ServerFrameOf<"ack"> | ErrorFrame> {
    return this.write({ type: "retract", id, conversation, target });
  }

  /** Resolves when the server has read everything sent before on this connection. */
  async settled(cursor?: string): Promise<ServerFrameOf<"pong">> {
    this.#lastRef += 1;
    const ref = this.#lastRef;
    this.send({ type: "ping", ref, ...(cursor === undefined ? {} : { cursor }) });
    return await this.next("pong", (frame) => frame.ref === ref);
  }

  whenClosed(timeoutMs?: number): Promise<CloseInfo> {
    return this.socket.whenClosed(timeoutMs);
  }

  async logout(): Promise<void> {
    await this.ask({ type: "logout" }, "logged-out");
    await this.whenClosed();
  }

  close(): Promise<void> {
    return this.socket.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Two guests and the conversation between them, nothing said yet. */
export class Pair implements AsyncDisposable {
  readonly ann: Peer;
  readonly ben: Peer;
  readonly conversation: string;

  private constructor(ann: Peer, ben: Peer, conversation: string) {
    this.ann = ann;
    this.ben = ben;
    this.conversation = conversation;
  }

  static async connect(place: Place): Promise<Pair> {
    const [ann, ben] = await Promise.all([
      Peer.connect(place, { nickname: freshName("Ann") }),
      Peer.connect(place, { nickname: freshName("Ben") }),
    ]);
    return new Pair(ann, ben, (await ann.open(ben.id)).id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.ann.close(), this.ben.close()]);
  }
}
