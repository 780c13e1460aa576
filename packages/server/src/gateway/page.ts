/** The page's files, answered from memory with headers that allow nothing that the page does not need. */
export interface PageAsset {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Its name holds its content's hash. */
  readonly immutable: boolean;
}

export type Page = ReadonlyMap<string, PageAsset>;

/** OWASP's HTTP headers and content security policy sheets: everything is forbidden, then what the page needs allowed. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self' ws: wss:",
    "img-src 'self' data:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
};

export function servePage(page: Page, method: string, path: string): Response {
  if (method !== "GET" && method !== "HEAD") {
    return new Response("Only GET is answered here.\n", { status: 405, headers: { Allow: "GET, HEAD" } });
  }
  const asset = page.get(path);
  if (asset === undefined)
    return new Response("There is nothing here.\n", { status: 404, headers: SECURITY_HEADERS });
  return new Response(method === "HEAD" ? null : asset.body, {
    headers: {
      ...SECURITY_HEADERS,
      "Content-Type": asset.contentType,
      "Cache-Control": asset.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    },
  });
}
