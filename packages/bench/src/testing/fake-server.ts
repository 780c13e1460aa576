/** A small server of both protocols with switches for the faults that the loads must notice. */
import { decodeClassic, decodeClientFrame, SUBPROTOCOL } from "@duologue/protocol";
import type { ServerWebSocket } from "bun";

/** What happens to the message with this number, counted over all messages. */
export interface Fault {
  readonly kind: "lose" | "repeat" | "change" | "skip-seq" | "refuse";
  readonly atMessage: number;
}

interface Connection {
  readonly index: number;
  readonly isV1: boolean;
  readonly address: string;
  name: string;
}
type Peer = ServerWebSocket<Connection>;

export interface FakeServer extends AsyncDisposable {
  readonly port: number;
  readonly messages: number;
}

const CURSOR = "1";

export function startFakeServer(fault?: Fault): FakeServer {
  const state = new FakeState(fault);
  let connections = 0;
  const server = Bun.serve<Connection>({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, self) {
      const from = self.requestIP(request);
      const isV1 = request.headers.get("sec-websocket-protocol") === SUBPROTOCOL;
      const data = { index: connections, isV1, address: `${from?.address}:${from?.port}`, name: "" };
      connections += 1;
      const headers = isV1 ? { "Sec-WebSocket-Protocol": SUBPROTOCOL } : {};
      return self.upgrade(request, { data, headers }) ? undefined : new Response(null, { status: 426 });
    },
    websocket: {
      message: (peer, frame) =>
        peer.data.isV1 ? state.onV1(peer, String(frame)) : state.onClassic(peer, String(frame)),
    },
  });
  return {
    port: server.port ?? 0,
    get messages() {
      return state.messages;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

class FakeState {
  messages = 0;
  private readonly fault: Fault | undefined;
  private readonly peers = new Map<string, Peer>();
  private readonly seqs = new Map<string, number>();

  constructor(fault: Fault | undefined) {
    this.fault = fault;
  }

  onClassic(peer: Peer, text: string): void {
    const frame = decodeClassic(text);
    if (frame.type === "login") {
      peer.data.name = frame.name;
      this.peers.set(peer.data.address, peer);
      const names = [...this.peers].map(([address, user]) => [address, user.data.name]);
      for (const user of this.peers.values()) user.send(`users:${JSON.stringify(Object.fromEntries(names))}`);
    }
    if (frame.type !== "chat") return;
    const fault = this.nextFault();
    if (fault === "lose") return;
    const receiver = this.peers.get(frame.address);
    receiver?.send(`msg:${fault === "change" ? frame.text.replace("0", "1") : frame.text}`);
    if (fault === "repeat") receiver?.send(`msg:${frame.text}`);
  }

  onV1(peer: Peer, text: string): void {
    const decoded = decodeClientFrame(text);
    if (!decoded.ok) throw new TypeError(decoded.problem);
    const { frame } = decoded;
    if (frame.type === "hello") {
      peer.data.name = frame.nickname ?? "";
      this.peers.set(`user-${peer.data.index}`, peer);
      this.welcome(peer);
    }
    if (frame.type === "open") {
      const conversation = { id: `between-${peer.data.index}-${frame.user?.slice("user-".length)}` };
      send(peer, { type: "conversation", ref: frame.ref, conversation });
    }
    if (frame.type === "send") this.onSend(peer, frame);
  }

  private welcome(peer: Peer): void {
    const users = [...this.peers].map(([id, user]) => ({ id, name: user.data.name, kind: "guest" }));
    const mine = users.find((user) => user.name === peer.data.name);
    send(peer, { type: "welcome", version: 1, user: mine, token: "t", cursor: CURSOR });
    send(peer, { type: "lobby", count: users.length, users });
    for (const [id, other] of this.peers) {
      if (id !== mine?.id)
        send(other, { type: "lobby-change", count: users.length, joined: [mine], left: [] });
    }
  }

  private onSend(peer: Peer, frame: { id: string; conversation: string; body: unknown }): void {
    const fault = this.nextFault();
    if (fault === "refuse") {
      send(peer, { type: "error", code: "busy", message: "", retryable: true, id: frame.id });
      return;
    }
    const { id, conversation, body } = frame;
    const seq = (this.seqs.get(conversation) ?? 0) + (fault === "skip-seq" ? 2 : 1);
    this.seqs.set(conversation, seq);
    send(peer, { type: "ack", id, conversation, seq, time: 0, cursor: CURSOR });
    const [, first, second] = conversation.split("-");
    const receiver = this.peers.get(`user-${String(peer.data.index) === first ? second : first}`);
    const event = {
      type: "event",
      conversation,
      seq,
      from: "x",
      time: 0,
      id,
      kind: "message",
      body,
      cursor: CURSOR,
    };
    if (receiver !== undefined && fault !== "lose") send(receiver, event);
    if (receiver !== undefined && fault === "repeat") send(receiver, event);
  }

  private nextFault(): Fault["kind"] | undefined {
    this.messages += 1;
    return this.messages === this.fault?.atMessage ? this.fault.kind : undefined;
  }
}

function send(peer: Peer, frame: unknown): void {
  peer.send(JSON.stringify(frame));
}
