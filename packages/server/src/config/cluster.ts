/** Options of a server of several machines: where the data are, and how the machines speak to each other. */
import { type Entry, type Option, type Report, readPath } from "./option.ts";

/** embedded: SQLite in the data directory, for one machine. */
export type StoreAddress =
  | { readonly kind: "embedded" }
  /** `url` may hold a password: it is for the database's client, and for nobody's eyes. */
  | { readonly kind: "postgres"; readonly url: string };

/** local: between the workers of this machine only. */
export type BusAddress =
  | { readonly kind: "local" }
  /** Any of these leads into the cluster. They may hold a password or a token, and are for nobody's eyes. */
  | { readonly kind: "nats"; readonly urls: readonly string[] };

export interface ClusterOptions {
  readonly store: StoreAddress;
  /** Absolute path of the certificate (PEM) by which the database is believed; undefined: those of the system. */
  readonly storeCa: string | undefined;
  readonly bus: BusAddress;
  /** Absolute path of a NATS credentials file (JWT and NKey seed). */
  readonly busCredentials: string | undefined;
  /** Absolute path of the certificate (PEM) by which the bus is believed; undefined: those of the system. */
  readonly busCa: string | undefined;
}

const EMBEDDED: StoreAddress = Object.freeze({ kind: "embedded" });
const LOCAL: BusAddress = Object.freeze({ kind: "local" });
const STORE_SCHEMES = ["postgres:", "postgresql:"];
const BUS_SCHEMES = ["nats:", "tls:"];
const STORE_FORM = "embedded, or an address such as postgres://user:password@host:5432/database";
const BUS_FORM = "local, or addresses such as nats://host:4222";

const readStore: Option<StoreAddress>["read"] = (entries, report) => {
  const entry = entries.at(-1);
  if (entry === undefined) return undefined;
  if (entry.text === "embedded") return EMBEDDED;
  const url = parseAddress(entry, STORE_SCHEMES, STORE_FORM, report);
  if (url === undefined) return undefined;
  if (url.pathname.length < 2) {
    report(`${entry.place}: expected the name of a database at the end, got ${withoutSecrets(url)}`);
    return undefined;
  }
  return Object.freeze({ kind: "postgres", url: url.href });
};

const readBus: Option<BusAddress>["read"] = (entries, report) => {
  const [first] = entries;
  if (first === undefined) return undefined;
  if (entries.length === 1 && first.text === "local") return LOCAL;
  const urls = entries.map((entry) => parseAddress(entry, BUS_SCHEMES, BUS_FORM, report)?.href);
  const sound = urls.filter((url) => url !== undefined);
  return sound.length < urls.length ? undefined : Object.freeze({ kind: "nats", urls: Object.freeze(sound) });
};

/** What was written is not repeated unless it is an address, whose secret can be left out. */
function parseAddress(
  entry: Entry,
  schemes: readonly string[],
  form: string,
  report: Report,
): URL | undefined {
  const url = URL.parse(entry.text);
  if (url !== null && schemes.includes(url.protocol) && url.hostname !== "") return url;
  const got = url === null || url.hostname === "" ? "something else" : withoutSecrets(url);
  report(`${entry.place}: expected ${form}, got ${got}`);
  return undefined;
}

/** An address as people and logs may see it. */
export function withoutSecrets({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

const readFile: Option<string | undefined>["read"] = readPath;

export const clusterOptions: { readonly [Name in keyof ClusterOptions]: Option<ClusterOptions[Name]> } = {
  store: {
    flag: "--store <address>",
    environment: "DUOLOGUE_STORE",
    key: "store",
    fileType: "string",
    takes: "one",
    read: readStore,
    defaultValue: () => EMBEDDED,
    defaultText: "embedded",
    description:
      "Where everything that must last is kept: embedded (SQLite in the data directory), or a PostgreSQL database, postgres://user:password@host:5432/database. An address with a password belongs into the environment, where no list of processes shows it.",
  },
  storeCa: {
    flag: "--store-ca <file>",
    environment: "DUOLOGUE_STORE_CA",
    key: "store-ca",
    fileType: "string",
    takes: "one",
    read: readFile,
    defaultValue: () => undefined,
    defaultText: "those the system trusts",
    description: "PostgreSQL: the certificate (PEM) by which the database is believed.",
  },
  bus: {
    flag: "--bus <addresses>",
    environment: "DUOLOGUE_BUS",
    key: "bus",
    fileType: "strings",
    takes: "list",
    read: readBus,
    defaultValue: () => LOCAL,
    defaultText: "local",
    description:
      "How several machines speak to each other: local (there is one machine), or NATS, nats://host:4222 (tls:// with encryption), several separated by commas. Needs --store postgres://….",
  },
  busCredentials: {
    flag: "--bus-credentials <file>",
    environment: "DUOLOGUE_BUS_CREDENTIALS",
    key: "bus-credentials",
    fileType: "string",
    takes: "one",
    read: readFile,
    defaultValue: () => undefined,
    defaultText: "none",
    description: "NATS: a credentials file (JWT and NKey seed).",
  },
  busCa: {
    flag: "--bus-ca <file>",
    environment: "DUOLOGUE_BUS_CA",
    key: "bus-ca",
    fileType: "string",
    takes: "one",
    read: readFile,
    defaultValue: () => undefined,
    defaultText: "those the system trusts",
    description: "NATS: the certificate (PEM) by which the bus is believed.",
  },
};

/** Faults that lie between options, each with its place. */
export function findClusterProblems({
  store,
  storeCa,
  bus,
  busCredentials,
  busCa,
}: ClusterOptions): string[] {
  const problems: string[] = [];
  if (bus.kind === "nats" && store.kind === "embedded")
    problems.push(
      "bus: expected --store postgres://… beside --bus nats://…, got the embedded store, which is one machine's",
    );
  if (storeCa !== undefined && store.kind === "embedded")
    problems.push("store-ca: expected --store postgres://… beside it, got the embedded store");
  if (bus.kind === "local" && (busCredentials ?? busCa) !== undefined)
    problems.push("bus-credentials, bus-ca: expected --bus nats://… beside them, got the local bus");
  return problems;
}
