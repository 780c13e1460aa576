/** Builds the app and serves it, and signs tokens for its people as the app's own back end would. */
import { join } from "node:path";
import { type Person, signToken } from "../shop/server.ts";

const colleagues = ["ann", "ben", "cleo"];
const personOf = (sub: string): Person => ({ sub, name: `${sub} of the app` });

export interface AppOptions {
  readonly port: number;
  /** Shared with the chat server (its option `host-secret-file`). */
  readonly secret: string;
  /** The chat server's origin. */
  readonly chat: () => string;
}

export async function serveApp({ port, secret, chat }: AppOptions): Promise<ReturnType<typeof Bun.serve>> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "src/main.tsx")],
    target: "browser",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const script = (await built.outputs[0]?.text()) ?? "";
  return Bun.serve({
    port,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      switch (pathname) {
        case "/":
          return html(
            (await Bun.file(join(import.meta.dir, "index.html")).text()).replace("{{chat}}", chat()),
          );
        case "/style.css":
          return new Response(Bun.file(join(import.meta.dir, "style.css")));
        case "/main.js":
          return new Response(script, { headers: { "Content-Type": "text/javascript; charset=utf-8" } });
        case "/token": {
          // A real app looks into its session instead of believing the request.
          const sub = searchParams.get("person") ?? "";
          const others = colleagues.filter((one) => one !== sub);
          return new Response(signToken(secret, personOf(sub), others.map(personOf)));
        }
        default:
          return new Response("There is nothing here.\n", { status: 404 });
      }
    },
  });
}

function html(text: string): Response {
  return new Response(text, { headers: { "Content-Type": "text/html; charset=utf-8" } });
}

if (import.meta.main) {
  const [chat = "http://localhost:9090", port = "8091"] = process.argv.slice(2);
  const secret = process.env.DUOLOGUE_HOST_SECRET;
  if (secret === undefined) {
    console.error("usage: DUOLOGUE_HOST_SECRET=… npm run example:react -- [CHAT] [PORT]");
    process.exitCode = 2;
  } else {
    const { url } = await serveApp({ port: Number(port), secret, chat: () => chat });
    console.log(`Ann is at ${url.href}?person=ann, Ben at ${url.href}?person=ben`);
  }
}
