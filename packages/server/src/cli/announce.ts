/** The block that tells people where the server is. */
import { networkInterfaces } from "node:os";

export interface Whereabouts {
  readonly version: string;
  /** For a browser on this machine. */
  readonly address: string;
  /** For browsers on other machines; empty when it listens on one address only. */
  readonly networkAddresses: readonly string[];
  readonly dataDirectory: string;
  readonly workers: number;
}

export function formatAnnouncement(where: Whereabouts): string {
  const facts = [
    ["Open", where.address],
    ...where.networkAddresses.map((address, index) => [index === 0 ? "Network" : "", address]),
    ["Data", where.dataDirectory],
    ["Workers", String(where.workers)],
  ].map(([name = "", value = ""]) => `  ${name.padEnd(9)}${value}\n`);
  return `Duologue ${where.version} is running. Ctrl-C stops it.\n\n${facts.join("")}\n`;
}

const MAX_ADDRESSES = 3;

/** This machine's IPv4 addresses as others see it, when the server listens on all of them. */
export function findNetworkAddresses(host: string, address: string): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [];
  const port = new URL(address).port;
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => entry.family === "IPv4" && !entry.internal)
    .slice(0, MAX_ADDRESSES)
    .map((entry) => `http://${entry.address}${port === "" ? "" : `:${port}`}`);
}
