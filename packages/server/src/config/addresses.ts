/** Forms of hosts, origins and networks that an operator may write. */
import { isIP } from "node:net";

const MAX_HOST_CHARACTERS = 253;
/** Labels of RFC 1123 §2.1, and the underscore that container networks use. */
const HOST_NAME = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?$/;

export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  return text.length <= MAX_HOST_CHARACTERS && HOST_NAME.test(text) && !/^[\d.]+$/.test(text);
}

/**
 * Undefined for an origin exactly as browsers send it (RFC 6454 §6.2): scheme, host, port unless it is the scheme's
 * own, all in small letters, an international name in its ASCII form. Otherwise what should stand there.
 */
export function findOriginProblem(text: string): string | undefined {
  const form = "an origin such as https://example.com or https://example.com:8443";
  const [, scheme, host, port] = ORIGIN.exec(text) ?? [];
  if (scheme !== undefined && host !== undefined && isCanonical(scheme, host, port)) return undefined;
  const origin = URL.parse(text.trim())?.origin;
  const isNearMiss = origin !== undefined && ORIGIN.test(origin) && !/[*@]/.test(text);
  return isNearMiss ? `the origin alone, as browsers send it (${origin})` : form;
}

function isCanonical(scheme: string, host: string, port: string | undefined): boolean {
  if (port !== undefined && Number(port) > 65_535) return false;
  const isStandardPort = (scheme === "http" && port === "80") || (scheme === "https" && port === "443");
  if (isStandardPort || host.split(".").includes("")) return false;
  return URL.parse(`https://${host}/`)?.hostname === host;
}

/** Whether nobody on the way can change what is fetched from there: https, or this machine itself. */
export function isKeySetAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "" || url.hash !== "") return false;
  if (url.protocol === "https:") return true;
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  return url.protocol === "http:" && isLoopback;
}

/** Undefined for an IP address or a range of them; otherwise what should stand there. */
export function findNetworkProblem(text: string): string | undefined {
  const form = "an IP address or a range such as 10.0.0.0/8 or fd00::/8";
  const [address = "", bits, ...rest] = text.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  if (version === 0 || rest.length > 0) return form;
  if (bits === undefined) return undefined;
  const maxBits = version === 4 ? 32 : 128;
  const minBits = /^::ffff:.*\./i.test(address) ? 96 : 0;
  const isSound = /^\d{1,3}$/.test(bits) && Number(bits) >= minBits && Number(bits) <= maxBits;
  return isSound ? undefined : `a range of ${minBits} to ${maxBits} bits`;
}
