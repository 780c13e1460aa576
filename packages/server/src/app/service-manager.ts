/**
 * What systemd asks of a service (sd_notify(3)): that it says when it has begun, and goes on giving signs of life, without
 * which it is killed and started again. A primary that stands still is replaced by nobody else.
 */
import { ptr } from "bun:ffi";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { openLibrary } from "./c-library.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2_000_000;
const MSG_NOSIGNAL = 0x4000;
/** `struct sockaddr_un`: two bytes of family, and a path of up to 108 (unix(7)). */
const PATH_AT = 2;
const MAX_PATH_BYTES = 107;

const functions = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const;

export interface ServiceManagerOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Pick<Clock, "every">;
  readonly log: Pick<Logger, "error">;
}

/** To be called when the server is ready. Does nothing where no service manager asks for it. */
export function reportReady({ environment, pid, clock, log }: ServiceManagerOptions): void {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC, WATCHDOG_PID } = environment;
  if (path === undefined || path === "") return;
  const report = (state: string): void => {
    const problem = tell(path, state);
    if (problem !== undefined) log.error({ problem, state }, "the service manager cannot be told");
  };
  report("READY=1");
  const patienceMs = Number(WATCHDOG_USEC ?? 0) / 1_000;
  const isAsked = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  // From the event loop, so that it stops when that stands still; three signs in the time that it has for one.
  if (patienceMs >= 1 && isAsked) clock.every(patienceMs / 3, () => report("WATCHDOG=1"));
}

/** What has gone wrong, if anything. Never waits. */
function tell(path: string, state: string): string | undefined {
  const name = Buffer.from(path);
  if (name.length > MAX_PATH_BYTES) return "the path of its socket is too long";
  const address = Buffer.alloc(PATH_AT + name.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, PATH_AT);
  // A name that begins with @ stands in no file system: a zero in its place, and none at its end.
  const isAbstract = path.startsWith("@");
  if (isAbstract) address[PATH_AT] = 0;
  const message = Buffer.from(state);
  try {
    const { symbols, close } = openLibrary(functions);
    const socket = symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const length = address.length - (isAbstract ? 1 : 0);
    const sent = symbols.sendto(socket, ptr(message), message.length, MSG_NOSIGNAL, ptr(address), length);
    symbols.close(socket);
    close();
    return Number(sent) === message.length ? undefined : "its socket does not take it";
  } catch (error) {
    return (error as Error).message;
  }
}
