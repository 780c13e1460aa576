import { expect, test } from "bun:test";
import { preferNewestListener } from "./listener.ts";

function listen(port: number): { server: Bun.Server<undefined>; answered: () => number } {
  let count = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    reusePort: true,
    fetch: () => {
      count += 1;
      return new Response("");
    },
  });
  return { server, answered: () => count };
}

async function connect(url: string, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) await fetch(url, { headers: { Connection: "close" } });
}

test("with one listener more than there are workers, the newest gets every connection", async () => {
  const first = listen(0);
  const port = first.server.port ?? 0;
  const second = listen(port);
  const url = `http://127.0.0.1:${port}/`;
  expect(preferNewestListener(2)).toBe(true);
  await connect(url, 40);
  expect(first.answered()).toBeGreaterThan(0);
  expect(second.answered()).toBeGreaterThan(0);
  const third = listen(port);
  await connect(url, 20);
  expect(third.answered()).toBe(20);
  await Promise.all([first, second, third].map(({ server }) => server.stop(true)));
});

test("without a listener that shares its port there is nothing to prefer", async () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  expect(preferNewestListener(1)).toBe(false);
  await server.stop(true);
});
