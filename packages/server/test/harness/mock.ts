/** Peers' sockets to the mock server of `@duologue/client/testing`. */
import type { MockServer } from "@duologue/client/testing";
import { Inbox, withDeadline } from "@duologue/testing";
import type { PeerSocket } from "./peer.ts";
import type { CloseInfo } from "./socket.ts";

/** Resolves when the mock server has let it in. */
export async function openMockSocket(server: MockServer, protocol: string): Promise<PeerSocket> {
  const inner = new server.WebSocket(server.url, protocol);
  const received = new Inbox<string>("mock socket", (frame) => frame);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<CloseInfo>();
  inner.onopen = () => opened.resolve();
  inner.onmessage = ({ data }) => received.push(String(data));
  inner.onclose = ({ code }) => {
    received.end(`closed with ${code}`);
    closed.resolve({ code, reason: "" });
  };
  await withDeadline(opened.promise, () => "the mock server did not open the socket");
  return {
    received,
    closed: closed.promise,
    send(data) {
      if (typeof data !== "string") throw new TypeError("the mock server's sockets take text only");
      inner.send(data);
    },
    whenClosed: (timeoutMs) => withDeadline(closed.promise, () => "the mock server did not close", timeoutMs),
    async close() {
      inner.close(1000);
      await closed.promise;
    },
    terminate: () => inner.close(),
  };
}
