/**
 * Yardstick: the classic protocol's relay on Bun with nothing but the transport: no limits, no storage. The argument
 * says when what one turn of the event loop brought is sent:
 * `none` at once, one `send` each; `microtask`, `tick`, `immediate`: collected, one `cork` per socket.
 */
import type { ServerWebSocket } from "bun";
import { systemClock } from "../clock.ts";

const LIST_SHARE_MS = 50;

interface Connection {
  address: string;
  name: string;
  outbox: string[];
}
type Peer = ServerWebSocket<Connection>;

const strategies = {
  none: undefined,
  microtask: (run: () => void): void => queueMicrotask(run),
  tick: (run: () => void): void => process.nextTick(run),
  immediate: (run: () => void): void => systemClock.endOfTurn(run),
} as const satisfies Record<string, ((run: () => void) => void) | undefined>;

const strategyName = process.argv[2] ?? "immediate";
const schedule = strategies[strategyName as keyof typeof strategies];
const users = new Map<string, Peer>();
const dirty: Peer[] = [];
let listPending = false;

function flush(): void {
  const peers = dirty.splice(0);
  for (const peer of peers) {
    const frames = peer.data.outbox;
    if (frames.length === 1) peer.sendText(frames[0] as string);
    else
      peer.cork(() => {
        for (const frame of frames) peer.sendText(frame);
      });
    frames.length = 0;
  }
}

function send(peer: Peer, frame: string): void {
  if (schedule === undefined) {
    peer.sendText(frame);
    return;
  }
  if (peer.data.outbox.push(frame) > 1) return;
  if (dirty.push(peer) === 1) schedule(flush);
}

function shareList(): void {
  if (listPending) return;
  listPending = true;
  systemClock.after(LIST_SHARE_MS, () => {
    listPending = false;
    const list = `users:${JSON.stringify(Object.fromEntries([...users].map(([address, peer]) => [address, peer.data.name])))}`;
    for (const peer of users.values()) send(peer, list);
  });
}

function onMessage(peer: Peer, message: string | Buffer): void {
  const frame = String(message);
  if (frame.startsWith("chat:<")) {
    const end = frame.indexOf(">:", 6);
    const target = users.get(frame.slice(6, end));
    if (target !== undefined) send(target, `msg:${frame.slice(end + 2)}`);
  } else if (frame.startsWith("login:")) {
    peer.data.name = frame.slice(6);
    users.set(peer.data.address, peer);
    send(peer, "notice:success");
    send(peer, `msg:welcome ${peer.data.name}`);
    shareList();
  }
}

const server = Bun.serve<Connection>({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, self) {
    const from = self.requestIP(request);
    const data: Connection = { address: `${from?.address}:${from?.port}`, name: "", outbox: [] };
    return self.upgrade(request, { data }) ? undefined : new Response("WebSocket only", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    message: onMessage,
    close(peer) {
      if (users.delete(peer.data.address)) shareList();
    },
  },
});
process.stdout.write(`listening on http://127.0.0.1:${server.port}\n`);
