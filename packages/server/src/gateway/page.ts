/** The page's files, answered from memory with headers that allow nothing that the page does not need. */
import { type ContentEncoding, chooseEncoding } from "./encoding.ts";

export interface PageAsset {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The same, compressed; only what is smaller. */
  readonly encodings: ReadonlyMap<ContentEncoding, Uint8Array<ArrayBuffer>>;
  /** Its name holds its content's hash. */
  readonly immutable: boolean;
}

export type Page = ReadonlyMap<string, PageAsset>;

/** What the page is sent with, by name. */
export type PageHeaders = Readonly<Record<string, string>>;

/** OWASP's HTTP headers and content security policy sheets: everything is forbidden, then what the page needs allowed. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
];

/**
 * What can be installed and opened without the server is the page alone. The one value that it may turn into the address
 * of a script is that of its service worker (packages/web/src/page/keep-page.ts).
 */
const PAGE_POLICY = ["worker-src 'self'", "manifest-src 'self'", "trusted-types service-worker"];
const FRAMED_POLICY = ["trusted-types 'none'"];

/** The one file that pages of other origins load: as a script by its tag, or as a module, for which CORS is asked. */
const EMBED_SCRIPT = "/embed.js";
const EMBED_SCRIPT_HEADERS: PageHeaders = {
  "Access-Control-Allow-Origin": "*",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** The one page that may be held in a frame. The whole page, where a guest may be logged in, never is. */
const FRAMED_PAGE = "/embed";

/** By path: whose pages may hold ours in a frame (CWE-1021). */
export interface PageHeadersByPath {
  readonly framed: PageHeaders;
  readonly other: PageHeaders;
}

/** `embedOrigins`: whose pages may hold the chat for embedding in a frame; without any nobody. */
export function pageHeaders(embedOrigins: readonly string[]): PageHeadersByPath {
  return { framed: headersFor(embedOrigins, FRAMED_POLICY), other: headersFor([], PAGE_POLICY) };
}

function headersFor(embedOrigins: readonly string[], more: readonly string[]): PageHeaders {
  const ancestors = embedOrigins.length === 0 ? "'none'" : `'self' ${embedOrigins.join(" ")}`;
  return {
    "Content-Security-Policy": [...CONTENT_SECURITY_POLICY, ...more, `frame-ancestors ${ancestors}`].join(
      "; ",
    ),
    "X-Content-Type-Options": "nosniff",
    // It knows no list, and browsers that know frame-ancestors do not look at it.
    ...(embedOrigins.length === 0 ? { "X-Frame-Options": "DENY" } : {}),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
  };
}

export function servePage(page: Page, byPath: PageHeadersByPath, request: Request, path: string): Response {
  const { method } = request;
  const headers = path === FRAMED_PAGE ? byPath.framed : byPath.other;
  if (method !== "GET" && method !== "HEAD") {
    return new Response("Only GET is answered here.\n", { status: 405, headers: { Allow: "GET, HEAD" } });
  }
  const asset = page.get(path);
  if (asset === undefined) return new Response("There is nothing here.\n", { status: 404, headers });
  const encoding = chooseEncoding(request.headers.get("accept-encoding") ?? "", [...asset.encodings.keys()]);
  const body = (encoding && asset.encodings.get(encoding)) ?? asset.body;
  return new Response(method === "HEAD" ? null : body, {
    headers: {
      ...headers,
      ...(path === EMBED_SCRIPT ? EMBED_SCRIPT_HEADERS : {}),
      "Content-Type": asset.contentType,
      ...(encoding === undefined ? {} : { "Content-Encoding": encoding }),
      Vary: "Accept-Encoding",
      "Cache-Control": asset.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    },
  });
}
