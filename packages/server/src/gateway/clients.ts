/** The clients of this worker: who may come in, and what their sockets bring, handed to the protocol that they speak. */
import { isLoopback } from "./address.ts";
import { receiveClassic } from "./classic.ts";
import { Connection, type Session } from "./connection.ts";
import type { Gateway } from "./context.ts";
import { CONTROL_FRAME_BYTES, wireBytes } from "./hidden-frames.ts";
import { TokenBucket } from "./rate.ts";
import { receiveV1 } from "./v1.ts";

/** Why one more connection cannot be taken: the worker has as many as it may, or the client's address has. */
export type Crowding = "worker" | "address";

export class Clients {
  private readonly perAddress = new Map<string, number>();
  private nextConnection: number;

  /** `firstConnection`: its number; none of another worker may follow within a thousand millions. */
  constructor(
    private readonly gateway: Gateway,
    firstConnection: number,
  ) {
    this.nextConnection = firstConnection;
  }

  /** Counts the connection in, or says why not. Loopback is free: it is this machine, or a proxy not declared. */
  admit(key: string, address: string): Crowding | undefined {
    const { connections, limits } = this.gateway;
    if (connections.open.size >= limits.connectionsPerWorker) return "worker";
    if (isLoopback(address)) return undefined;
    const count = this.perAddress.get(key) ?? 0;
    if (count >= limits.connectionsPerAddress) return "address";
    this.perAddress.set(key, count + 1);
    return undefined;
  }

  /** `address` and `rateKey` as in Connection. It takes part as soon as it has its socket. */
  add(session: Session, address: string, rateKey: string): Connection {
    const { limits, outlet, clock, connections } = this.gateway;
    const connection = new Connection(
      this.nextConnection++,
      session,
      address,
      rateKey,
      new TokenBucket(limits.framesPerSecond, limits.framesBurst),
      outlet,
      clock.monotonic(),
    );
    connections.open.add(connection);
    return connection;
  }

  receive(connection: Connection, data: string | Buffer): void {
    connection.accountedBytes += wireBytes(data);
    try {
      if (connection.session.protocol === "classic") receiveClassic(this.gateway, connection, data);
      else receiveV1(this.gateway, connection, data);
    } catch (error) {
      this.gateway.log.error({ error, connection: connection.id }, "frame failed");
      connection.close("unavailable");
    }
  }

  /** A ping, which the runtime has answered, or a pong, asked for or not. They count like other frames (rule BI5). */
  receiveControl(connection: Connection): void {
    connection.accountedBytes += CONTROL_FRAME_BYTES;
    if (connection.isClosed) return;
    const { clock, limits } = this.gateway;
    const isTooFast = connection.admit(clock.monotonic()) > 0;
    if (isTooFast && connection.refusedFrames > limits.framesRefused) connection.cut("too_fast");
  }

  drained(connection: Connection): void {
    connection.onDrain();
    this.gateway.lobby.onDrain(connection);
  }

  closed(connection: Connection): void {
    const { connections, presence } = this.gateway;
    connection.isClosed = true;
    connection.socket = undefined;
    if (!connections.open.delete(connection)) return;
    const count = this.perAddress.get(connection.rateKey) ?? 0;
    if (count > 1) this.perAddress.set(connection.rateKey, count - 1);
    else this.perAddress.delete(connection.rateKey);
    const { session } = connection;
    if (session.state.name !== "ready") {
      // As the tutorial's server does when one who sent anything closes; its recordings show it (rule CL3).
      const hasSpoken = connection.lastFrameAt > connection.openedAt;
      if (session.protocol === "classic" && session.state.name === "anonymous" && hasSpoken)
        presence.rebroadcast();
      return;
    }
    connections.remove(session.state.user.id, connection);
    this.gateway.watching.forget(connection);
    presence.leave(
      session.state.user.id,
      session.protocol === "classic" || connection.closedWith === "logged_out",
    );
  }
}
