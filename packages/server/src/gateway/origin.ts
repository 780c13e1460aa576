/**
 * Whether a page may open a WebSocket here (SPEC.md, CN2). Browsers let any page connect to any server and send the
 * page's origin along; the server must refuse the strange ones before the upgrade (CWE-1385).
 */

export type Scheme = "http" | "https";

export interface OriginCheck {
  /** The `Origin` header as received; several headers joined by commas, as `Headers.get` does. */
  readonly origin: string;
  /** The request's own `Host` header. */
  readonly host: string;
  /** How the browser reached the server: a trusted proxy's word, if there is one. */
  readonly scheme: Scheme;
  /** Origins that the operator allows besides the server's own, as `parseOrigin` gave them. */
  readonly allowed: readonly string[];
}

/** A DNS name has at most 253 characters; the rest is scheme and port. */
const MAX_LENGTH = 300;
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/i;
const HOST = /^([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/i;
const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ["http", "80"],
  ["https", "443"],
]);

export function isOriginAllowed(check: OriginCheck): boolean {
  return findOriginProblem(check) === undefined;
}

/** The text of the 403, or undefined when the origin may connect. It repeats nothing of the request that is malformed. */
export function findOriginProblem({ origin, host, scheme, allowed }: OriginCheck): string | undefined {
  const parsed = parseOrigin(origin);
  if (parsed === undefined) return "The Origin header is not one well-formed origin.";
  const own = parseOwnOrigin(host, scheme);
  if (parsed === own || allowed.includes(parsed)) return undefined;
  return own === undefined
    ? `The origin ${parsed} is not allowed, and the Host header is malformed.`
    : `The origin ${parsed} is neither this server's own (${own}) nor on its list of allowed origins.`;
}

/**
 * An origin as browsers write it (RFC 6454 §6.2): scheme, host, port unless it is the scheme's own, in small letters.
 * Undefined for anything else: `null`, a path, a list, user-info, an international name not in its ASCII form, an IP
 * address in another form than the standard one. Other schemes than http(s) are for pages inside apps.
 */
export function parseOrigin(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const [, scheme, host, port] = ORIGIN.exec(text) ?? [];
  return scheme === undefined || host === undefined ? undefined : format(scheme, host, port);
}

function parseOwnOrigin(host: string, scheme: Scheme): string | undefined {
  if (host.length > MAX_LENGTH) return undefined;
  const [, name, port] = HOST.exec(host) ?? [];
  return name === undefined ? undefined : format(scheme, name, port);
}

/** Letters are made small only now, when all are known to be ASCII: elsewhere the Kelvin sign would become a k. */
function format(scheme: string, host: string, port: string | undefined): string | undefined {
  const origin = `${scheme}://${host}`.toLowerCase();
  if (!isCanonicalHost(host.toLowerCase())) return undefined;
  if (port === undefined || port === DEFAULT_PORTS.get(scheme.toLowerCase())) return origin;
  return Number(port) > 65_535 ? undefined : `${origin}:${port}`;
}

/** The URL standard knows many spellings of one host (127.1, 0x7f000001, [::0:1]); only the one it writes is taken. */
function isCanonicalHost(host: string): boolean {
  if (host.split(".").includes("")) return false;
  return URL.parse(`https://${host}/`)?.hostname === host;
}
