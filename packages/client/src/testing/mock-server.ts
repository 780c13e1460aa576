/** A server in memory for the tests of programs that use the client: no port, no process, no waiting. */
import { closeTable, defaultLimits, type ErrorCode, type User } from "@duologue/protocol";
import type { Environment, Socket, StandardSocket, StandardSocketConstructor } from "../environment.ts";
import { MessageIds } from "../message-id.ts";
import { FakeEnvironment } from "./fake-environment.ts";
import { FakeServer } from "./fake-server.ts";
import type { FakeUser } from "./fake-users.ts";

/** As the server's (SPEC HT5, HT6): from the notice to the token's end, and how much longer it is taken. */
const EXPIRING_MS = 60_000;
const TOLERANCE_MS = 30_000;

export interface MockMessage {
  readonly from: User;
  /** As it reads now, edits counted; undefined when it was retracted. */
  readonly text: string | undefined;
}

/**
 * Keeps the rules of SPEC.md: the suite that a real server must pass is run against it too. What it has not: HTTP and bytes
 * below text frames, limits of rate, classic users, the table of look-alike characters; and it forgets everything with the
 * test.
 */
export interface MockServer {
  /** For `connect({ url })`; leads nowhere without `environment` or `WebSocket`. */
  readonly url: string;
  /** For `connect({ environment })`: time stands still until `advance`, and every run of a test is the same. */
  readonly environment: Environment;
  /** Instead of `environment`, for code that brings its own: `browserEnvironment({ WebSocket })`. */
  readonly WebSocket: StandardSocketConstructor;
  /** Everybody who ever logged in or was added. */
  readonly users: readonly User[];
  /** Resolves when nothing is on its way any more. Time does not pass. */
  settled(): Promise<void>;
  /** Lets time pass, ms, and everything move that it brings: waits, receipts, returns after a cut. */
  advance(byMs: number): Promise<void>;
  /** Somebody without a client of their own. */
  addUser(name: string): User;
  /** A token as a site that embeds the chat would sign it, for `connect({ token })` or `getToken`. */
  signToken(user: User): string;
  /** From now on refused as expired; who is connected is asked for a new one (SPEC HT5). */
  expireToken(token: string): void;
  /** `from` writes to `to`. Throws RangeError for somebody unknown. */
  write(from: User, to: User, text: string): void;
  /** Of the conversation of these two, in order. */
  messages(one: User, other: User): readonly MockMessage[];
  /** Ends all connections with this close code; 1006, a break of the network, if none is given. */
  cut(code?: number): void;
  /** Users online up to which the lobby names them; beyond it, it is a count (SPEC LB3). */
  lobbyUsers: number;
  /** While false, nobody can connect. */
  reachable: boolean;
  /** The next `send`, `edit` or `retract` is refused with this code. */
  refuseNext(code: ErrorCode, retryAfterMs?: number): void;
}

export function createMockServer(): MockServer {
  return new Mock();
}

class Mock implements MockServer {
  readonly url = "ws://duologue.test/";
  readonly environment: FakeEnvironment;
  readonly WebSocket: StandardSocketConstructor;
  readonly #server: FakeServer;
  readonly #ids: MessageIds;
  #isDue = false;

  constructor() {
    const environment = new FakeEnvironment((_url, events) => server.openSocket(events));
    const server = new FakeServer({
      now: () => environment.now(),
      after: (delayMs, run) => environment.after(delayMs, run),
      takesInvalid: true,
    });
    server.pageEvents = defaultLimits.pageEvents;
    server.syncEvents = defaultLimits.syncEvents;
    server.onWork = () => this.#flushSoon();
    this.#server = server;
    this.environment = environment;
    this.#ids = new MessageIds(this.environment);
    this.WebSocket = socketConstructor(server);
  }

  get users(): readonly User[] {
    return [...this.#server.store.users.byId.values()].map(({ user }) => user);
  }

  get reachable(): boolean {
    return this.#server.acceptsSockets;
  }

  set reachable(value: boolean) {
    this.#server.acceptsSockets = value;
  }

  get lobbyUsers(): number {
    return this.#server.lobbyUsers;
  }

  set lobbyUsers(value: number) {
    this.#server.lobbyUsers = value;
  }

  async settled(): Promise<void> {
    // A listener may take some turns of promises until it writes; this many are more than any has in a row.
    for (let quietTurns = 0; quietTurns < 50; quietTurns += 1) {
      await Promise.resolve();
      if (this.#server.flush()) quietTurns = 0;
    }
  }

  async advance(byMs: number): Promise<void> {
    await this.settled();
    for (let leftMs = byMs; leftMs > 0; leftMs -= 100) {
      this.environment.advance(Math.min(leftMs, 100));
      await this.settled();
    }
  }

  addUser(name: string): User {
    return this.#server.store.createUser(name).user;
  }

  signToken(user: User): string {
    return this.#server.store.users.signToken(this.#userOf(user));
  }

  expireToken(token: string): void {
    this.#server.store.users.expire(token);
    const here = this.#server.links.filter((link) => link.token === token && !link.isGone);
    for (const link of here) {
      this.#server.push(link, { type: "token-expiring", expiresAt: this.environment.now() + EXPIRING_MS });
      this.environment.after(EXPIRING_MS + TOLERANCE_MS, () => {
        if (link.token === token) this.#server.close(link, closeTable.session_expired.code);
      });
    }
    this.#flushSoon();
  }

  write(from: User, to: User, text: string): void {
    this.#userOf(from);
    this.#userOf(to);
    const { id: conversation } = this.#server.store.open(from.id, to.id);
    const body = { kind: "text", text } as const;
    this.#server.write(from.id, { conversation, id: this.#ids.next(), kind: "message", body });
    this.#flushSoon();
  }

  messages(one: User, other: User): readonly MockMessage[] {
    const { events } = this.#server.store.open(one.id, other.id);
    return events.flatMap((event) => {
      if (event.kind !== "message") return [];
      const edit = events.findLast((later) => later.kind === "edit" && later.target === event.seq);
      const text = event.retracted === true ? undefined : (edit?.body ?? event.body)?.text;
      return [{ from: event.from === one.id ? one : other, text }];
    });
  }

  cut(code?: number): void {
    for (const link of [...this.#server.links]) this.#server.cut(link, code);
  }

  refuseNext(code: ErrorCode, retryAfterMs?: number): void {
    this.#server.refusals.push(retryAfterMs === undefined ? { code } : { code, retryAfterMs });
  }

  #userOf(user: User): FakeUser {
    const found = this.#server.store.users.byId.get(user.id);
    if (found === undefined) throw new RangeError(`nobody here has the id ${user.id}`);
    return found;
  }

  /** Never inside the call of a client, as with a real network. */
  #flushSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#server.flush();
    });
  }
}

function socketConstructor(server: FakeServer): StandardSocketConstructor {
  return class MockWebSocket implements StandardSocket {
    onopen: StandardSocket["onopen"] = null;
    onmessage: StandardSocket["onmessage"] = null;
    onclose: StandardSocket["onclose"] = null;
    onerror: StandardSocket["onerror"] = null;
    readonly #socket: Socket;

    constructor(_url: string, _subprotocol: string) {
      this.#socket = server.openSocket({
        opened: () => this.onopen?.(undefined as never),
        received: (data) => this.onmessage?.({ data }),
        closed: (code) => this.onclose?.({ code }),
      });
    }

    send(text: string): void {
      this.#socket.send(text);
    }

    close(code = 1005): void {
      this.#socket.drop();
      queueMicrotask(() => this.onclose?.({ code }));
    }
  };
}
