import { describe, expect, test } from "bun:test";
import { Inbox } from "@duologue/testing";
import { opcode, openRaw, requestUpgrade } from "./raw.ts";
import { openSocket } from "./socket.ts";

function echoServer(): Bun.Server<undefined> {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, server) {
      if (request.headers.get("origin") === "https://refused.example")
        return new Response("no", { status: 403 });
      return server.upgrade(request) ? undefined : new Response("plain");
    },
    websocket: {
      message(socket, message) {
        if (message === "close") socket.close(4001, "asked");
        else socket.send(message);
      },
    },
  });
}

describe("inbox", () => {
  test("gives what matches, and keeps the rest in order", async () => {
    const inbox = new Inbox<number>("numbers", String);
    const four = inbox.next((value) => value === 4);
    for (const value of [1, 2, 3, 4]) inbox.push(value);
    expect(await four).toBe(4);
    expect(await inbox.next((value) => value > 1)).toBe(2);
    expect(inbox.rest()).toEqual([1, 3]);
  });

  test("says what did come when what was awaited did not", async () => {
    const inbox = new Inbox<string>("words", (word) => word);
    inbox.push("something else");
    const missing = inbox.next((word) => word === "this", "this", 1);
    expect(missing).rejects.toThrow(/no this within 1 ms; what came:\s+something else/);
    await missing.catch(() => undefined);
    const cut = inbox.next((word) => word === "that", "that");
    inbox.end("closed");
    expect(cut).rejects.toThrow("ended (closed)");
    await cut.catch(() => undefined);
  });
});

describe("sockets", () => {
  test("a socket has an awaitable inbox and tells how it was closed", async () => {
    await using server = { echo: echoServer(), [Symbol.asyncDispose]: () => server.echo.stop(true) };
    const socket = await openSocket(server.echo.url.href);
    socket.send("one");
    expect(await socket.received.next()).toBe("one");
    socket.send("close");
    expect(await socket.whenClosed()).toEqual({ code: 4001, reason: "asked" });
  });

  test("a raw socket sends frames of every size, in fragments, and reads refusals", async () => {
    await using server = { echo: echoServer(), [Symbol.asyncDispose]: () => server.echo.stop(true) };
    const url = server.echo.url.href;
    await using raw = await openRaw(url);
    for (const size of [0, 125, 126, 65_535, 65_536, 300_000]) {
      raw.sendText("x".repeat(size));
      expect((await raw.texts.next()).length).toBe(size);
    }
    raw.sendFrame("frag", { fin: false });
    raw.sendFrame("ments", { opcode: opcode.continuation });
    expect(await raw.texts.next()).toBe("fragments");
    raw.sendText("close");
    expect(await raw.whenClosed()).toBe(4001);
    const refusal = await requestUpgrade(url, { headers: { Origin: "https://refused.example" } });
    expect([refusal.status, refusal.body]).toEqual([403, "no"]);
  });
});
