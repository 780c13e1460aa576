/** The worker's port: HTTP, the upgrade to a WebSocket, and the socket's events handed to the protocol that it speaks. */
import { encodeFrame, SUBPROTOCOL } from "@duologue/protocol";
import type { Server } from "bun";
import type { Clock } from "../clock.ts";
import { HOST_TOLERANCE_MS } from "../domain/host-tokens.ts";
import { clientAddress, formatAddress, isLoopback, rateKey, type TrustedProxies } from "./address.ts";
import type { Clients, Crowding } from "./clients.ts";
import type { Connection, Session, V1State } from "./connection.ts";
import type { Gateway } from "./context.ts";
import { findOriginProblem } from "./origin.ts";
import { type Page, type PageHeadersByPath, pageHeaders, servePage } from "./page.ts";

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  readonly classic: "on" | "off" | "same-origin";
  readonly origins: readonly string[];
  readonly trustedProxies: TrustedProxies;
  readonly page: Page;
  /** Origins whose pages may hold ours in a frame. */
  readonly embedOrigins: readonly string[];
  /** Whether there is a primary that may still give a sign. */
  readonly isAlive: () => boolean;
  /** Whether store and bus answer. */
  readonly isReady: () => Promise<boolean>;
}

const NO_HANDSHAKE = "This is not a WebSocket handshake that can be taken (RFC 6455).\n";

type Upgrade = { readonly session: Session; readonly headers: Record<string, string> };

export class ClientServer {
  private readonly server: Server<Connection>;
  private readonly pageHeaders: PageHeadersByPath;

  constructor(
    gateway: Gateway,
    private readonly clients: Clients,
    private readonly options: ServerOptions,
  ) {
    const { limits } = gateway;
    this.pageHeaders = pageHeaders(options.embedOrigins);
    this.server = Bun.serve<Connection>({
      hostname: options.host,
      port: options.port,
      reusePort: options.reusePort,
      development: false,
      // Also ends requests that come in slowly: what is half a request for longer is an attack.
      idleTimeout: 10,
      maxRequestBodySize: 1024,
      fetch: (request, server) => this.answer(request, server),
      error: (error) => {
        gateway.failures.report(error, "request failed");
        return new Response("The server failed on this request; its log says why.\n", { status: 500 });
      },
      websocket: {
        maxPayloadLength: limits.frameBytes,
        backpressureLimit: limits.outboxBytes,
        closeOnBackpressureLimit: false,
        idleTimeout: limits.idleSeconds,
        sendPings: true,
        perMessageDeflate: false,
        open: (socket) => {
          socket.data.socket = socket;
        },
        message: (socket, data) => clients.receive(socket.data, data),
        ping: (socket) => clients.receiveControl(socket.data),
        pong: (socket) => clients.receiveControl(socket.data),
        drain: (socket) => clients.drained(socket.data),
        close: (socket) => clients.closed(socket.data),
      },
    });
  }

  get port(): number {
    return this.server.port ?? this.options.port;
  }

  /** No new connections from now on; those that are open stay. */
  stopListening(): void {
    // Bun resolves it only when the last WebSocket is closed, so nobody waits for it.
    void this.server.stop(false);
  }

  private answer(request: Request, server: Server<Connection>): Response | Promise<Response> | undefined {
    // Without a Host (HTTP/1.0, as health checks ask), or with one that is none, there is only the path.
    const url = URL.parse(request.url.startsWith("/") ? `http://localhost${request.url}` : request.url);
    if (url === null) return new Response("The Host header is malformed.\n", { status: 400 });
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return this.upgrade(request, server);
    switch (url.pathname) {
      case "/healthz":
        return this.options.isAlive()
          ? new Response("live\n")
          : new Response("the primary stands still\n", { status: 503 });
      case "/readyz":
        return this.readiness();
      default:
        return servePage(this.options.page, this.pageHeaders, request, url.pathname);
    }
  }

  private async readiness(): Promise<Response> {
    const isReady = await this.options.isReady();
    return new Response(isReady ? "ready\n" : "not ready\n", { status: isReady ? 200 : 503 });
  }

  /** Undefined when it was upgraded: the connection goes on as a WebSocket. */
  private upgrade(request: Request, server: Server<Connection>): Response | undefined {
    // The runtime looks at method, version and key, and not at this.
    if (!asksForUpgrade(request)) return new Response(NO_HANDSHAKE, { status: 400 });
    const peer = server.requestIP(request);
    if (peer === null) return new Response("The connection is gone.\n", { status: 400 });
    const from = clientAddress({
      peerAddress: peer.address,
      forwardedFor: request.headers.get("x-forwarded-for"),
      forwardedProto: request.headers.get("x-forwarded-proto"),
      trusted: this.options.trustedProxies,
    });
    const choice = this.choose(request, from.scheme);
    if (choice instanceof Response) return choice;
    const key = rateKey(from.address);
    const crowding = this.clients.admit(key, from.address);
    if (crowding !== undefined) return tooMany(crowding);
    const address = choice.session.protocol === "classic" ? formatAddress(from.address, peer.port) : "";
    const connection = this.clients.add(choice.session, address, isLoopback(from.address) ? "" : key);
    connection.peerPort = peer.port;
    if (server.upgrade(request, { data: connection, headers: choice.headers })) return undefined;
    this.clients.closed(connection);
    return new Response(NO_HANDSHAKE, { status: 400 });
  }

  /** Which protocol it speaks, or why not. */
  private choose(request: Request, scheme: "http" | "https"): Upgrade | Response {
    const { classic, origins } = this.options;
    const offered = request.headers.get("sec-websocket-protocol");
    const isV1 = offered?.split(",").some((name) => name.trim() === SUBPROTOCOL) ?? false;
    if (offered !== null && !isV1) {
      return new Response(
        `Of the subprotocols offered, this server speaks none; it speaks ${SUBPROTOCOL}.\n`,
        { status: 400 },
      );
    }
    if (!isV1 && classic === "off")
      return new Response("The classic protocol is switched off here.\n", { status: 403 });
    if (isV1 || classic === "same-origin") {
      const origin = request.headers.get("origin");
      const host = request.headers.get("host") ?? "";
      // Without an Origin it is no browser, and so no page of a stranger acting for somebody.
      const problem =
        origin === null ? undefined : findOriginProblem({ origin, host, scheme, allowed: origins });
      if (problem !== undefined) return new Response(`${problem}\n`, { status: 403 });
    }
    if (isV1) {
      return {
        session: { protocol: "v1", state: { name: "hello-expected" } },
        headers: { "Sec-WebSocket-Protocol": SUBPROTOCOL },
      };
    }
    return { session: { protocol: "classic", state: { name: "anonymous" } }, headers: {} };
  }
}

/** RFC 6455 §4.2.1: the header field counts for this one connection only, so without it a machine on the way may have asked. */
function asksForUpgrade(request: Request): boolean {
  const tokens = request.headers.get("connection")?.toLowerCase().split(",") ?? [];
  return tokens.some((token) => token.trim() === "upgrade");
}

function tooMany(crowding: Crowding): Response {
  switch (crowding) {
    case "worker":
      return new Response("Too many connections; try again shortly.\n", {
        status: 503,
        headers: { "Retry-After": "5" },
      });
    case "address":
      return new Response("Too many connections from this address.\n", {
        status: 429,
        headers: { "Retry-After": "30" },
      });
    default:
      return crowding satisfies never;
  }
}

/** How long before the end of a member's token the client is asked for the next one. */
const EXPIRY_NOTICE_MS = 60_000;

/** Closes what has been silent too long, or whose token has ended. Called about once a second. */
export function sweep(gateway: Gateway, clock: Clock): void {
  const now = clock.monotonic();
  const time = clock.now();
  for (const connection of gateway.connections.open) {
    const { session } = connection;
    const silentMs = now - connection.lastFrameAt;
    if (session.state.name === "ready") {
      if (session.protocol !== "v1") continue;
      if (silentMs > gateway.limits.silenceMs) connection.close("idle");
      else watchExpiry(connection, session.state, time);
    } else if (now - connection.openedAt > gateway.limits.helloMs) {
      connection.close("login_late");
    }
  }
}

function watchExpiry(connection: Connection, state: Extract<V1State, { name: "ready" }>, time: number): void {
  const isMember = state.user.kind === "member";
  if (time > state.expiresAt + (isMember ? HOST_TOLERANCE_MS : 0)) connection.close("session_expired");
  else if (isMember && !state.isExpiryTold && time > state.expiresAt - EXPIRY_NOTICE_MS) {
    state.isExpiryTold = true;
    connection.push(encodeFrame({ type: "token-expiring", expiresAt: state.expiresAt }));
  }
}
