/** A classic client over a socket of its own, so that it knows the address under which others reach it. */
import type { Inbox } from "@duologue/testing";
import { openRaw, type RawSocket } from "./raw.ts";

export class ClassicClient implements AsyncDisposable {
  readonly socket: RawSocket;
  readonly received: Inbox<string>;

  private constructor(socket: RawSocket) {
    this.socket = socket;
    this.received = socket.texts;
  }

  static async open(url: string): Promise<ClassicClient> {
    return new ClassicClient(await openRaw(url, { path: "/" }));
  }

  /** Opens and logs in; resolves when the first list has come. */
  static async login(url: string, name: string): Promise<ClassicClient> {
    const client = await ClassicClient.open(url);
    client.send(`login:${name}`);
    await client.next("notice:success");
    await client.next(`msg:welcome ${name}`);
    await client.list();
    return client;
  }

  get address(): string {
    return `127.0.0.1:${this.socket.localPort}`;
  }

  send(text: string): void {
    this.socket.sendText(text);
  }

  /** Takes exactly this frame, past others. */
  async next(frame: string): Promise<void> {
    await this.received.next((text) => text === frame, frame);
  }

  /** The next list for which `fits` holds, as `[address, name]` in the order sent. */
  async list(fits: (users: Map<string, string>) => boolean = () => true): Promise<Map<string, string>> {
    const frame = await this.received.next(
      (text) => text.startsWith("users:") && fits(readList(text)),
      "users: list that fits",
    );
    return readList(frame);
  }

  /** The address of the user of this name, as soon as a list holds it. */
  async addressOf(name: string): Promise<string> {
    const isThere = (users: Map<string, string>): boolean => [...users.values()].includes(name);
    const known = this.received.log.filter((text) => text.startsWith("users:")).at(-1);
    const users =
      known !== undefined && isThere(readList(known)) ? readList(known) : await this.list(isThere);
    return [...users].find(([, bearer]) => bearer === name)?.[0] ?? "";
  }

  /** Resolves when the server has carried out everything sent before on this connection. */
  async settled(): Promise<void> {
    const marker = `marker ${Bun.randomUUIDv7()}`;
    this.send(`chat:<${this.address}>:${marker}`);
    await this.next(`msg:${marker}`);
  }

  async close(): Promise<void> {
    await this.socket.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function readList(frame: string): Map<string, string> {
  const users: unknown = JSON.parse(frame.slice("users:".length));
  if (typeof users !== "object" || users === null) throw new Error(`not a list: ${frame}`);
  return new Map(Object.entries(users as Record<string, string>));
}
