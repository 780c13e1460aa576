/** A TCP proxy in front of the server, which breaks connections where a network, or a machine on the way, would. */
import type { Socket, TCPSocketListener } from "bun";

interface Side {
  socket: Socket<undefined> | undefined;
  /** What the kernel did not take yet. */
  unsent: Buffer;
}

interface Line {
  readonly client: Side;
  readonly server: Side;
  /** `armed`: the next request goes through; `sent`: it did, and the connection ends instead of the reply. */
  replyLoss: "off" | "armed" | "sent";
  isEnded: boolean;
}

const NOTHING = Buffer.alloc(0);

export class FaultyProxy implements Disposable {
  /** Connections cut so far. */
  cuts = 0;
  /** Replies that the server sent and nobody got. */
  lostReplies = 0;
  readonly #target: number;
  readonly #listener: TCPSocketListener<undefined>;
  readonly #lines = new Set<Line>();
  readonly #byClient = new WeakMap<object, Line>();

  /** `target`: the server's port on this machine. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => void this.#accept(socket),
        data: (socket, bytes) => this.#fromClient(socket, bytes),
        drain: (socket) => this.#drain(this.#byClient.get(socket)?.client),
        close: (socket) => this.#end(this.#byClient.get(socket)),
        error: (socket) => this.#end(this.#byClient.get(socket)),
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  /** Connections that are still to lose a reply. */
  get doomed(): number {
    return [...this.#lines].filter(({ replyLoss }) => replyLoss !== "off").length;
  }

  /** Cuts every connection that goes through here. */
  cutAll(): void {
    for (const line of [...this.#lines]) {
      this.cuts += 1;
      this.#end(line);
    }
  }

  /** On each open connection, the next thing that the client sends goes through, and the answer does not. */
  loseNextReplies(): void {
    for (const line of this.#lines) line.replyLoss = "armed";
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    this.cutAll();
  }

  async #accept(socket: Socket<undefined>): Promise<void> {
    const line: Line = {
      client: { socket, unsent: NOTHING },
      server: { socket: undefined, unsent: NOTHING },
      replyLoss: "off",
      isEnded: false,
    };
    this.#lines.add(line);
    this.#byClient.set(socket, line);
    try {
      await Bun.connect({
        hostname: "127.0.0.1",
        port: this.#target,
        socket: {
          open: (server) => {
            line.server.socket = server;
            this.#drain(line.server);
          },
          data: (_, bytes) => this.#fromServer(line, bytes),
          drain: () => this.#drain(line.server),
          close: () => this.#end(line),
          error: () => this.#end(line),
        },
      });
    } catch {
      // Nobody listens there at the moment.
      this.#end(line);
    }
    if (line.isEnded) line.server.socket?.terminate();
  }

  #fromClient(socket: object, bytes: Uint8Array): void {
    const line = this.#byClient.get(socket);
    if (line === undefined) return;
    write(line.server, bytes);
    if (line.replyLoss === "armed") line.replyLoss = "sent";
  }

  #fromServer(line: Line, bytes: Uint8Array): void {
    if (line.replyLoss !== "sent") {
      write(line.client, bytes);
      return;
    }
    this.lostReplies += 1;
    this.cuts += 1;
    this.#end(line);
  }

  #drain(side: Side | undefined): void {
    if (side !== undefined) write(side, NOTHING);
  }

  #end(line: Line | undefined): void {
    if (line === undefined || line.isEnded) return;
    line.isEnded = true;
    this.#lines.delete(line);
    line.client.socket?.terminate();
    line.server.socket?.terminate();
  }
}

function write(side: Side, bytes: Uint8Array): void {
  // The socket keeps nothing of what it is given, so what it does not take at once is copied.
  side.unsent = side.unsent.length === 0 ? Buffer.from(bytes) : Buffer.concat([side.unsent, bytes]);
  if (side.socket === undefined || side.unsent.length === 0) return;
  const taken = Math.max(0, side.socket.write(side.unsent));
  side.unsent = side.unsent.subarray(taken);
}
