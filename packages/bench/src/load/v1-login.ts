/** Logs v1 guests in and waits until every one of them knows that all are there. */
import { PROTOCOL_VERSION, SUBPROTOCOL } from "@duologue/protocol";
import { type BenchClock, within } from "../clock.ts";
import { countValues, fieldPattern, findValue, readNumber, readText } from "../wire/json-fields.ts";
import { maskedTextFrame } from "../wire/masked-frame.ts";
import type { RawSocket, Target } from "../wire/raw-socket.ts";
import { userName } from "./classic-login.ts";
import { LoadError } from "./job.ts";
import { type LobbyFrames, LobbyWatch } from "./lobby-watch.ts";
import { openSockets } from "./open-sockets.ts";

const LOGIN_LIMIT_MS = 120_000;
const TYPE = fieldPattern("type", "text");
const ID = fieldPattern("id", "text");
const COUNT = fieldPattern("count", "number");
const LOBBY_NAME = new TextEncoder().encode("lobby");

export interface GuestLoginOptions {
  /** Whether the server names everybody to everybody (up to `lobbyUsers`, LB3), or sends counts only. */
  readonly everybodyNamed: boolean;
  /** Until when: everybody knows that all are there (the default), or everybody was let in. */
  readonly until?: "all-known" | "let-in";
  /** Who comes back by a token and a cursor, instead of as somebody new. */
  readonly returning?: readonly Welcome[];
  /** Of the nicknames. A name that was online a moment ago is still taken (LB5), so each round needs its own. */
  readonly prefix?: string;
}

/** The fields of the server's frame that are used. */
export interface Welcome {
  readonly user: { readonly id: string };
  readonly token: string;
  readonly cursor: string;
}

export interface GuestLogin {
  readonly sockets: readonly RawSocket[];
  readonly userIds: readonly string[];
  readonly welcomes: readonly Welcome[];
  readonly watch: LobbyWatch;
}

export async function loginGuests(
  clock: BenchClock,
  targetOf: (index: number) => Pick<Target, "host" | "port">,
  count: number,
  options: GuestLoginOptions,
): Promise<GuestLogin> {
  const prefix = options.prefix ?? "u";
  const lobbies = new GuestLobbies(count, options);
  const watch = new LobbyWatch(clock, count, lobbies);
  lobbies.onRefusal = (error) => watch.fail(error);
  const v1TargetOf = (index: number): Target => ({ ...targetOf(index), subprotocol: SUBPROTOCOL });
  const opened = openSockets(v1TargetOf, count, watch, (socket, index) =>
    socket.write(maskedTextFrame(hello(userName(index, prefix), options.returning?.[index]))),
  );
  const [sockets] = await within(clock, LOGIN_LIMIT_MS, "login", Promise.all([opened, watch.complete]));
  const { welcomes } = lobbies;
  return { sockets, userIds: welcomes.map(({ user }) => user.id), welcomes, watch };
}

function hello(nickname: string, returning: Welcome | undefined): string {
  const head = { type: "hello", version: PROTOCOL_VERSION };
  if (returning === undefined) return JSON.stringify({ ...head, nickname });
  const { token, cursor } = returning;
  return JSON.stringify({ ...head, token, cursor });
}

/** A guest knows everybody when the last count is the number of guests and, if it should, as many were named to it. */
class GuestLobbies implements LobbyFrames {
  readonly welcomes: Welcome[] = [];
  onRefusal: (error: Error) => void = () => undefined;
  private readonly named: Uint32Array;

  private readonly count: number;
  private readonly everybodyNamed: boolean;
  private readonly until: "all-known" | "let-in";

  constructor(count: number, { everybodyNamed, until = "all-known" }: GuestLoginOptions) {
    this.count = count;
    this.everybodyNamed = everybodyNamed;
    this.until = until;
    this.named = new Uint32Array(count);
  }

  completes(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    const type = findValue(bytes, start, end, TYPE);
    if (LOBBY_NAME.every((byte, at) => bytes[type + at] === byte)) {
      return this.onLobby(index, bytes, start, end);
    }
    const name = type < 0 ? "" : readText(bytes, type, end);
    if (name === "welcome") {
      this.welcomes[index] = JSON.parse(Buffer.from(bytes.subarray(start, end)).toString()) as Welcome;
    }
    if (name === "error") {
      this.onRefusal(new LoadError(`user ${index}: ${Buffer.from(bytes.subarray(start, end)).toString()}`));
    }
    return false;
  }

  private onLobby(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.until === "let-in") return true;
    const online = readNumber(bytes, findValue(bytes, start, end, COUNT));
    const named = (this.named[index] ?? 0) + countValues(bytes, start, end, ID);
    this.named[index] = named;
    return online === this.count && (!this.everybodyNamed || named >= this.count);
  }
}
