/** Opens many connections, some at a time, so that neither the listen queue nor the handshake time limit is passed. */
import { RawSocket, type Target } from "../wire/raw-socket.ts";
import { LoadError } from "./job.ts";

const OPEN_AT_ONCE = 64;

export interface SocketListener {
  onFrame(index: number, bytes: Uint8Array, start: number, end: number): void;
  /** The server ended a connection that the load still needs. */
  fail(error: Error): void;
}

/** `greet` sends the login as soon as its connection is open. When one connection fails, all are cut. */
export async function openSockets(
  targetOf: (index: number) => Target,
  count: number,
  listener: SocketListener,
  greet: (socket: RawSocket, index: number) => void,
): Promise<RawSocket[]> {
  const sockets: RawSocket[] = [];
  let next = 0;
  const openSome = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const socket = await RawSocket.open(targetOf(index), {
        message: (bytes, start, end) => listener.onFrame(index, bytes, start, end),
        closed: (reason) => listener.fail(new LoadError(`user ${index} was disconnected: ${reason}`)),
      });
      sockets[index] = socket;
      greet(socket, index);
    }
  };
  try {
    await Promise.all(Array.from({ length: OPEN_AT_ONCE }, openSome));
  } catch (error) {
    cutAll(sockets);
    throw error;
  }
  return sockets;
}

export function cutAll(sockets: readonly RawSocket[]): void {
  for (const socket of sockets) socket?.cut();
}
