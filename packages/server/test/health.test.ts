/** What tells proxies and service managers how a node is. */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { startServer } from "@duologue/testing";

/** The first line of the answer to these bytes. */
function ask(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => void socket.write(bytes));
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
    });
    socket.on("end", () => resolve(text.split("\r\n")[0] ?? ""));
    socket.on("error", reject);
  });
}

// HAProxy's health check, and others of its age, send no Host: what Bun gives as the request's address is only its path
// then, which is no URL. Each check was answered with 500, and filled the log; so did anybody's malformed Host.
test("a health check in HTTP/1.0 without a Host gets its answer, a malformed Host 400", async () => {
  await using server = await startServer({ workers: 1 });
  const port = Number(new URL(server.url).port);
  for (const path of ["/healthz", "/readyz"])
    expect(await ask(port, `GET ${path} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.[01] 200/);
  expect(await ask(port, "GET //nowhere HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.[01] 404/);
  const malformed = "GET /readyz HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n";
  expect(await ask(port, malformed)).toMatch(/^HTTP\/1\.[01] 400/);
});
