/**
 * Every option of the server, in one table. The command line with its help, the environment, the configuration file
 * and docs/configuration.md are all made from it.
 */
import { join } from "node:path";
import { defaultLimits, type Limits } from "@duologue/protocol";
import { findNetworkProblem, findOriginProblem, isHost } from "./addresses.ts";
import { type ClusterOptions, clusterOptions } from "./cluster.ts";
import { type HostLoginOptions, hostLoginOptions } from "./host-login.ts";
import { readLimits } from "./limits.ts";
import {
  type Machine,
  type Option,
  parseInteger,
  readChoice,
  readMany,
  readOne,
  readPath,
} from "./option.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "auto" | "json" | "pretty";
export type ClassicMode = "on" | "off" | "same-origin";

/** What the server runs with: parsed once, complete, frozen. */
export interface Config extends HostLoginOptions, ClusterOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly workers: number;
  /** Absolute path. */
  readonly data: string;
  /** Absolute path of the configuration file that was read, if any. */
  readonly config: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly classic: ClassicMode;
  readonly origins: readonly string[];
  /** IP addresses and ranges. */
  readonly trustedProxies: readonly string[];
  readonly limits: Limits;
}

type Options = { readonly [Name in keyof Config]: Option<Config[Name]> };
export type OptionName = keyof Config;

const MAX_WORKERS = 256;
export const CONFIG_FILE = "duologue.toml";

/** Workers share a port by SO_REUSEPORT with the kernel's balancing, which only Linux has. */
function maxWorkers(machine: Machine): number {
  return machine.platform === "linux" ? MAX_WORKERS : 1;
}

export const options: Options = {
  host: {
    flag: "--host <address>",
    environment: "DUOLOGUE_HOST",
    key: "host",
    fileType: "string",
    takes: "one",
    read: readOne("an IP address or a host name", (text) => (isHost(text) ? text : undefined)),
    defaultValue: () => "0.0.0.0",
    defaultText: "0.0.0.0",
    description:
      "Address to listen on. 0.0.0.0 is every address of the machine, 127.0.0.1 this machine only.",
  },
  port: {
    flag: "--port <number>",
    environment: "DUOLOGUE_PORT",
    key: "port",
    fileType: "integer",
    takes: "one",
    read: readOne("a whole number from 0 to 65535", (text) => parseInteger(text, 0, 65_535)),
    defaultValue: () => 9090,
    defaultText: "9090",
    description: "Port to listen on. 0 takes any free one.",
  },
  workers: {
    flag: "--workers <number>",
    environment: "DUOLOGUE_WORKERS",
    key: "workers",
    fileType: "integer",
    takes: "one",
    read: readOne(
      (machine) =>
        maxWorkers(machine) === 1
          ? "1 (only Linux shares a port between processes)"
          : `a whole number from 1 to ${MAX_WORKERS}`,
      (text, _, machine) => parseInteger(text, 1, maxWorkers(machine)),
    ),
    defaultValue: (machine) => Math.min(machine.cores, maxWorkers(machine)),
    defaultText: "one per processor core on Linux, otherwise 1",
    description: "Processes that serve clients, all on the same port.",
  },
  data: {
    flag: "--data <directory>",
    environment: "DUOLOGUE_DATA",
    key: "data",
    fileType: "string",
    takes: "one",
    read: readPath,
    defaultValue: (machine) => join(machine.workingDirectory, "data"),
    defaultText: "./data",
    description: "Where everything that must last is kept. Made if it is missing.",
  },
  config: {
    flag: "--config <file>",
    environment: "DUOLOGUE_CONFIG",
    key: undefined,
    fileType: "string",
    takes: "one",
    read: readPath,
    defaultValue: () => undefined,
    defaultText: `./${CONFIG_FILE} if there is one`,
    description: "Configuration file (TOML).",
  },
  logLevel: {
    flag: "--log-level <level>",
    environment: "DUOLOGUE_LOG_LEVEL",
    key: "log-level",
    fileType: "string",
    takes: "one",
    read: readChoice("debug", "info", "warn", "error", "silent"),
    defaultValue: () => "info",
    defaultText: "info",
    description: "What is logged: debug, info, warn, error or silent. Never texts of messages, never tokens.",
  },
  logFormat: {
    flag: "--log-format <format>",
    environment: "DUOLOGUE_LOG_FORMAT",
    key: "log-format",
    fileType: "string",
    takes: "one",
    read: readChoice("auto", "json", "pretty"),
    defaultValue: () => "auto",
    defaultText: "auto",
    description:
      "json: one JSON object a line; pretty: for people; auto: pretty on a terminal, otherwise json.",
  },
  classic: {
    flag: "--classic <mode>",
    environment: "DUOLOGUE_CLASSIC",
    key: "classic",
    fileType: "string",
    takes: "one",
    read: readChoice("on", "off", "same-origin"),
    defaultValue: () => "on",
    defaultText: "on",
    description:
      "The classic protocol, which has no accounts: on, off, or same-origin (from pages of this server and the listed origins only).",
  },
  origins: {
    flag: "--origins <list>",
    environment: "DUOLOGUE_ORIGINS",
    key: "origins",
    fileType: "strings",
    takes: "list",
    read: readMany(findOriginProblem),
    defaultValue: () => Object.freeze([]),
    defaultText: "none",
    description:
      "Origins of other sites whose pages may connect, e.g. https://example.com. The server's own always may.",
  },
  trustedProxies: {
    flag: "--trusted-proxies <list>",
    environment: "DUOLOGUE_TRUSTED_PROXIES",
    key: "trusted-proxies",
    fileType: "strings",
    takes: "list",
    read: readMany(findNetworkProblem),
    defaultValue: () => Object.freeze([]),
    defaultText: "none",
    description:
      "IP addresses and ranges of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, e.g. 10.0.0.0/8.",
  },
  ...clusterOptions,
  ...hostLoginOptions,
  limits: {
    flag: "--limit <name=value>",
    environment: "DUOLOGUE_LIMITS",
    key: "limits",
    fileType: "table",
    takes: "layers",
    read: readLimits,
    defaultValue: () => defaultLimits,
    defaultText: "the table of limits",
    description: "Changes one limit; may be repeated. Names and defaults: docs/protocol.md.",
  },
};

export const optionNames = Object.keys(options) as readonly OptionName[];
