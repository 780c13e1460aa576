/** Carries TCP connections to a server: the place where a network, or a machine on the way, is played. */
import type { Socket, TCPSocketListener } from "bun";
import { systemClock } from "../../src/clock.ts";

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

interface Side {
  socket: Socket<undefined> | undefined;
  /** What the kernel did not take yet. */
  unsent: Buffer;
  /** Bytes that are still on their way; the first come first. */
  readonly late: Buffer[];
  /** When the last of them come: what follows must not overtake them. */
  busyUntil: number;
}

export interface Line {
  readonly client: Side;
  readonly server: Side;
  isEnded: boolean;
}

export interface RelayOptions {
  /** Where it listens; 127.0.0.1 and a free port unless said. */
  readonly listen?: Partial<Address>;
  /** Where a new connection leads; undefined: nowhere at the moment. Throws nothing. */
  readonly route: () => Address | undefined | Promise<Address | undefined>;
  /** How long the next bytes take, ms. */
  readonly delayMs?: () => number;
}

const NOTHING: Buffer = Buffer.alloc(0);

export class Relay implements Disposable {
  /** Connections cut so far. */
  cuts = 0;
  protected readonly lines = new Set<Line>();
  readonly #options: RelayOptions;
  readonly #hostname: string;
  readonly #listener: TCPSocketListener<undefined>;
  readonly #byClient = new WeakMap<object, Line>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#hostname = options.listen?.hostname ?? "127.0.0.1";
    this.#listener = Bun.listen({
      hostname: this.#hostname,
      port: options.listen?.port ?? 0,
      socket: {
        open: (socket) => void this.#accept(socket),
        data: (socket, bytes) => this.#fromClient(socket, bytes),
        drain: (socket) => this.#write(this.#byClient.get(socket)?.client),
        close: (socket) => this.end(this.#byClient.get(socket)),
        error: (socket) => this.end(this.#byClient.get(socket)),
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  get url(): string {
    return `http://${this.#hostname}:${this.port}`;
  }

  /** Cuts every connection that goes through here. */
  cutAll(): void {
    for (const line of [...this.lines]) {
      this.cuts += 1;
      this.end(line);
    }
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    this.cutAll();
  }

  protected fromClient(line: Line, bytes: Uint8Array): void {
    this.#carry(line.server, bytes);
  }

  protected fromServer(line: Line, bytes: Uint8Array): void {
    this.#carry(line.client, bytes);
  }

  protected end(line: Line | undefined): void {
    if (line === undefined || line.isEnded) return;
    line.isEnded = true;
    this.lines.delete(line);
    line.client.socket?.terminate();
    line.server.socket?.terminate();
  }

  async #accept(socket: Socket<undefined>): Promise<void> {
    const line: Line = {
      client: { socket, unsent: NOTHING, late: [], busyUntil: 0 },
      server: { socket: undefined, unsent: NOTHING, late: [], busyUntil: 0 },
      isEnded: false,
    };
    this.lines.add(line);
    this.#byClient.set(socket, line);
    try {
      const address = await this.#options.route();
      if (address === undefined) this.end(line);
      else await this.#open(line, address);
    } catch {
      // Nobody listens there at the moment.
      this.end(line);
    }
    if (line.isEnded) line.server.socket?.terminate();
  }

  async #open(line: Line, address: Address): Promise<void> {
    await Bun.connect({
      ...address,
      socket: {
        open: (server) => {
          line.server.socket = server;
          this.#write(line.server);
        },
        data: (_, bytes) => this.fromServer(line, bytes),
        drain: () => this.#write(line.server),
        close: () => this.end(line),
        error: () => this.end(line),
      },
    });
  }

  #fromClient(socket: object, bytes: Uint8Array): void {
    const line = this.#byClient.get(socket);
    if (line !== undefined) this.fromClient(line, bytes);
  }

  #carry(side: Side, bytes: Uint8Array): void {
    // The socket keeps nothing of what it is given, so what it does not take at once is copied.
    const copy = Buffer.from(bytes);
    const now = systemClock.monotonic();
    const dueAt = Math.max(side.busyUntil, now + (this.#options.delayMs?.() ?? 0));
    if (dueAt <= now && side.late.length === 0) {
      this.#write(side, copy);
      return;
    }
    side.busyUntil = dueAt;
    side.late.push(copy);
    // A timer's time is rounded, so it may come before another that was set first.
    systemClock.after(dueAt - now, () => this.#write(side, side.late.shift()));
  }

  #write(side: Side | undefined, bytes = NOTHING): void {
    if (side === undefined) return;
    side.unsent = side.unsent.length === 0 ? bytes : Buffer.concat([side.unsent, bytes]);
    if (side.socket === undefined || side.unsent.length === 0) return;
    const taken = Math.max(0, side.socket.write(side.unsent));
    side.unsent = side.unsent.subarray(taken);
  }
}
