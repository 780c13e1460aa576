/**
 * A shop with two people, a buyer and a seller, who write to each other by Duologue's widget. `npm run example:shop` runs
 * it, with the chat server's host secret in DUOLOGUE_HOST_SECRET.
 */
import { createHmac } from "node:crypto";
import { join } from "node:path";

export interface ShopOptions {
  readonly port: number;
  /** Shared with the chat server (its option `host-secret-file`). */
  readonly secret: string;
  /** The chat server's origin. Asked for at every request, so that the two can be started in any order. */
  readonly chat: () => string;
}

const buyer: Person = { sub: "buyer", name: "Bella Buyer" };
const seller: Person = { sub: "seller", name: "Sam Seller" };
/** Who looks at which page, and whom they may write to first. */
const pages: Readonly<Record<string, { readonly person: Person; readonly peers: readonly Person[] }>> = {
  "/": { person: buyer, peers: [seller] },
  "/seller": { person: seller, peers: [] },
};
const HOUR_S = 3600;
const files: Readonly<Record<string, string>> = {
  "/style.css": "text/css; charset=utf-8",
  "/shop.js": "text/javascript; charset=utf-8",
};

export interface Person {
  /** The site's own id of the person. */
  readonly sub: string;
  readonly name: string;
}

/**
 * What a site's own back end does: it knows who is logged in, and signs it (HS256, RFC 7515). `peers` are those whom the
 * page lets this person write to: they may never have been in the chat.
 */
export function signToken(
  secret: string,
  { sub, name }: Person,
  peers: readonly Person[] = [],
  lifetimeS = HOUR_S,
): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = { sub, name, peers, exp: Math.floor(Date.now() / 1000) + lifetimeS };
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

export function serveShop({ port, secret, chat }: ShopOptions): ReturnType<typeof Bun.serve> {
  return Bun.serve({
    port,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const type = files[pathname];
      if (type !== undefined)
        return new Response(Bun.file(join(import.meta.dir, pathname)), { headers: { "Content-Type": type } });
      // A real shop looks into its session instead: who asks here is whoever the path says.
      const page = pages[pathname];
      if (page === undefined) return new Response("There is nothing here.\n", { status: 404 });
      const { person, peers } = page;
      const template = await Bun.file(join(import.meta.dir, `${person.sub}.html`)).text();
      const text = template
        .replaceAll("{{chat}}", chat())
        .replaceAll("{{token}}", signToken(secret, person, peers));
      return new Response(text, {
        headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policyFor(chat()) },
      });
    },
  });
}

/** As strict as can be; the chat needs the two places that name it. */
function policyFor(chat: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' ${chat}`,
    `frame-src ${chat}`,
    "style-src 'self'",
    "require-trusted-types-for 'script'",
    "base-uri 'none'",
  ].join("; ");
}

if (import.meta.main) {
  const [chat = "http://localhost:9090", port = "8090"] = process.argv.slice(2);
  const secret = process.env.DUOLOGUE_HOST_SECRET;
  if (secret === undefined) {
    console.error("usage: DUOLOGUE_HOST_SECRET=… npm run example:shop -- [CHAT] [PORT]");
    process.exitCode = 2;
  } else {
    const { url } = serveShop({ port: Number(port), secret, chat: () => chat });
    console.log(`The buyer is at ${url.href}, the seller at ${url.href}seller`);
  }
}
