import { expect, test } from "bun:test";
import { maskedFrame, maskedTextFrame } from "./masked-frame.ts";
import { HandshakeError, RawSocket, type RawSocketEvents } from "./raw-socket.ts";

interface Echo extends AsyncDisposable {
  readonly port: number;
}

function startEcho(): Echo {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) =>
      new URL(request.url).pathname === "/" && self.upgrade(request)
        ? undefined
        : new Response(null, { status: 404 }),
    websocket: {
      maxPayloadLength: 64 * 1024 * 1024,
      backpressureLimit: 256 * 1024 * 1024,
      message: (peer, frame) => {
        if (frame === "ping me") peer.ping("beat");
        else if (frame === "close me") peer.close(4501, "enough");
        else peer.send(typeof frame === "string" ? frame : String(frame.length));
      },
      pong: (peer, data) => {
        peer.send(`pong ${data.toString()}`);
      },
    },
  });
  return { port: server.port ?? 0, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** What comes first: a message's text, or the reason of the end. */
function firstEvent(): { events: RawSocketEvents; first: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const events: RawSocketEvents = {
    message: (bytes, start, end) => resolve(Buffer.from(bytes.subarray(start, end)).toString()),
    closed: (reason) => resolve(reason),
  };
  return { events, first: promise };
}

test("what the kernel does not take at once is sent when it drains", async () => {
  await using echo = startEcho();
  const { events, first } = firstEvent();
  const socket = await RawSocket.open({ host: "127.0.0.1", port: echo.port }, events);
  const size = 40 * 1024 * 1024;
  socket.write(maskedFrame(new Uint8Array(size), 2));
  expect(socket.isBlocked).toBe(true);
  expect(await first).toBe(String(size));
  socket.cut();
});

test("answers the server's pings", async () => {
  await using echo = startEcho();
  const { events, first } = firstEvent();
  const socket = await RawSocket.open({ host: "127.0.0.1", port: echo.port }, events);
  socket.write(maskedTextFrame("ping me"));
  expect(await first).toBe("pong beat");
  socket.cut();
});

test("tells the close code and its reason", async () => {
  await using echo = startEcho();
  const { events, first } = firstEvent();
  const socket = await RawSocket.open({ host: "127.0.0.1", port: echo.port }, events);
  socket.write(maskedTextFrame("close me"));
  expect(await first).toBe("close 4501 enough");
});

test("a refused upgrade is a HandshakeError with the status", async () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(null, { status: 429 }),
  });
  const { events } = firstEvent();
  const opening = RawSocket.open({ host: "127.0.0.1", port: server.port ?? 0 }, events);
  await expect(opening).rejects.toThrow(HandshakeError);
  await expect(opening).rejects.toThrow("429");
  await server.stop(true);
});
