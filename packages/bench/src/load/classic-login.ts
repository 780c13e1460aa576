/** Logs classic users in and waits until every one of them has the whole users' list. */
import { type BenchClock, within } from "../clock.ts";
import { maskedTextFrame } from "../wire/masked-frame.ts";
import type { RawSocket, Target } from "../wire/raw-socket.ts";
import { type LobbyFrames, LobbyWatch } from "./lobby-watch.ts";
import { openSockets } from "./open-sockets.ts";

const COMMA = 0x2c;
const LIST_PREFIX_BYTES = "users:".length;
const LOGIN_LIMIT_MS = 120_000;

export interface ClassicLogin {
  readonly sockets: readonly RawSocket[];
  /** Name to the address by which the server lists it. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly watch: LobbyWatch;
}

export function userName(index: number, prefix = "u"): string {
  return `${prefix}${String(index).padStart(5, "0")}`;
}

export async function loginClassic(
  clock: BenchClock,
  target: Target,
  count: number,
  prefix = "u",
): Promise<ClassicLogin> {
  const lists = new ClassicLists(count);
  const watch = new LobbyWatch(clock, count, lists);
  const opened = openSockets(
    () => target,
    count,
    watch,
    (socket, index) => socket.write(maskedTextFrame(`login:${userName(index, prefix)}`)),
  );
  const [sockets] = await within(clock, LOGIN_LIMIT_MS, "login", Promise.all([opened, watch.complete]));
  return { sockets, addresses: lists.addresses(), watch };
}

/** Recognises a list that holds all users, parsing as few of the lists as it can. */
class ClassicLists implements LobbyFrames {
  private fullListBytes = -1;
  private fullList: Record<string, string> = {};

  private readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  completes(_index: number, bytes: Uint8Array, start: number, end: number): boolean {
    // 'u', then 's': only `users:` begins so.
    if (bytes[start] !== 0x75 || bytes[start + 1] !== 0x73) return false;
    const length = end - start;
    // Names and ports have a fixed width here, so that all full lists have the same length.
    if (this.fullListBytes >= 0) return length === this.fullListBytes;
    if (length < this.leastFullBytes(bytes, start, end)) return false;
    const list: unknown = JSON.parse(Buffer.from(bytes.subarray(start + LIST_PREFIX_BYTES, end)).toString());
    if (!isNameList(list) || Object.keys(list).length !== this.count) return false;
    this.fullListBytes = length;
    this.fullList = list;
    return true;
  }

  /** Entries have about the same width, so the first one tells which lists are worth parsing. */
  private leastFullBytes(bytes: Uint8Array, start: number, end: number): number {
    const comma = bytes.indexOf(COMMA, start);
    const firstEntryBytes = (comma < 0 || comma > end ? end : comma) - start - LIST_PREFIX_BYTES;
    return this.count * (firstEntryBytes - 1);
  }

  addresses(): Map<string, string> {
    return new Map(Object.entries(this.fullList).map(([address, name]) => [name, address]));
  }
}

function isNameList(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
