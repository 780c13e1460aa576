/** Whose connection it is: client addresses, also behind proxies, and what they are counted and shown under. */
import ipaddr from "ipaddr.js";
import type { Scheme } from "./origin.ts";

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [address: Parsed, prefixBits: number];

/** Proxies that may tell whom they speak for. */
export type TrustedProxies = readonly Range[];

export interface ForwardedRequest {
  /** The other end of the TCP connection. */
  readonly peerAddress: string;
  /** The `X-Forwarded-For` header; several headers joined by commas. */
  readonly forwardedFor: string | null | undefined;
  /** The `X-Forwarded-Proto` header. */
  readonly forwardedProto: string | null | undefined;
  readonly trusted: TrustedProxies;
}

export interface Client {
  /** Never an IPv4 address in IPv6 clothing. */
  readonly address: string;
  readonly scheme: Scheme;
}

/** More proxies in a row than anybody has; the header's length is in strangers' hands. */
const MAX_HOPS = 16;
const MAPPED_PREFIX_BITS = 96;
const WITH_PORT = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$|^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/i;

/**
 * The client behind the proxies. Each proxy writes the address that it saw at the right end of `X-Forwarded-For`, so the
 * list is read from the right, past the trusted proxies, up to the first address that is not one: all to the left of it
 * may be invented. A direct peer that is not trusted is the client itself, whatever it says. When there is no telling
 * (an entry that is no address), it is the direct peer too, which shares one limit among many rather than none.
 */
export function clientAddress({
  peerAddress,
  forwardedFor,
  forwardedProto,
  trusted,
}: ForwardedRequest): Client {
  const peer = parseAddress(peerAddress);
  if (peer === undefined) return { address: peerAddress, scheme: "http" };
  const own = peer.toString();
  if (!isTrusted(peer, trusted)) return { address: own, scheme: "http" };
  const scheme = readScheme(forwardedProto);
  const hops = (forwardedFor ?? "").split(",");
  let client = peer;
  for (let index = hops.length - 1; index >= 0 && isTrusted(client, trusted); index -= 1) {
    const hop = parseHop(hops[index] ?? "");
    if (hop === undefined || hops.length - index > MAX_HOPS) return { address: own, scheme };
    client = hop;
  }
  return { address: client.toString(), scheme };
}

/**
 * The operator's list: addresses and ranges (`10.0.0.0/8`, `fd00::/8`). Everything that is wrong is told at once, in
 * `problems`; `trusted` holds the rest.
 */
export function parseTrustedProxies(list: readonly string[]): {
  readonly trusted: TrustedProxies;
  readonly problems: readonly string[];
} {
  const trusted: Range[] = [];
  const problems: string[] = [];
  for (const entry of list) {
    const range = parseRange(entry);
    if (range === undefined)
      problems.push(`${JSON.stringify(entry)} is not an IP address or range (10.0.0.0/8)`);
    else trusted.push(range);
  }
  return { trusted, problems };
}

/** What limits per client are counted under: an IPv4 address, or an IPv6 /64, of which one person has all. */
export function rateKey(address: string): string {
  const parsed = parseAddress(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed?.toString() ?? address;
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`);
  return `${network.toString()}/64`;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  return parseAddress(address)?.range() === "loopback";
}

/** `192.0.2.1:80`, `[2001:db8::1]:80` (RFC 3986 §3.2.2). */
export function formatAddress(address: string, port: number): string {
  const text = parseAddress(address)?.toString() ?? address;
  return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`;
}

function isTrusted(address: Parsed, trusted: TrustedProxies): boolean {
  return trusted.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/** The nearest proxy's word: the last value. Ours to believe, whatever a client has put before it. */
function readScheme(forwardedProto: string | null | undefined): Scheme {
  return forwardedProto?.split(",").at(-1)?.trim().toLowerCase() === "https" ? "https" : "http";
}

/** Some proxies add the port, in brackets or not. */
function parseHop(text: string): Parsed | undefined {
  const hop = text.trim();
  const match = WITH_PORT.exec(hop);
  return parseAddress(match?.[1] ?? match?.[2] ?? hop);
}

/** Only the usual forms: 0x7f.1 and 017.0.0.1 are addresses to the library, but no proxy writes them. */
function parseAddress(text: string): Parsed | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  const withoutZone = text.replace(/%[0-9a-z._-]{1,32}$/i, "");
  const tail = withoutZone.slice(withoutZone.lastIndexOf(":") + 1);
  if (tail.includes(".") && !ipaddr.IPv4.isValidFourPartDecimal(tail)) return undefined;
  if (!ipaddr.IPv6.isValid(withoutZone)) return undefined;
  const parsed = ipaddr.IPv6.parse(withoutZone);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}

function parseRange(entry: string): Range | undefined {
  const [, addressText = "", bitsText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry.trim()) ?? [];
  const parsed = parseAddress(addressText);
  if (parsed === undefined) return undefined;
  const isIpv4 = parsed.kind() === "ipv4";
  const mappedBits = isIpv4 && addressText.includes(":") ? MAPPED_PREFIX_BITS : 0;
  const maxBits = isIpv4 ? 32 : 128;
  const bits = bitsText === undefined ? maxBits : Number(bitsText) - mappedBits;
  return bits < 0 || bits > maxBits ? undefined : [parsed, bits];
}
