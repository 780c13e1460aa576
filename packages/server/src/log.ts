/**
 * The server's log: one JSON object a line on stderr, or lines for people. What users wrote and what they prove
 * themselves with never gets in, whoever calls (CWE-532); control characters are escaped (CWE-117).
 */
import { createRequire } from "node:module";
import pino from "pino";
import type { LogFormat, LogLevel } from "./config/index.ts";

export interface Logger {
  debug(fields: LogFields, message: string): void;
  debug(message: string): void;
  info(fields: LogFields, message: string): void;
  info(message: string): void;
  warn(fields: LogFields, message: string): void;
  warn(message: string): void;
  error(fields: LogFields, message: string): void;
  error(message: string): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface LogDestination {
  write(line: string): unknown;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Which process it is, e.g. `primary`. */
  readonly name: string;
  /** Takes the lines instead of stderr. */
  readonly destination?: LogDestination;
}

const STDERR = 2;

/** Writes synchronously: a line is out before a crash can swallow it. A stderr that is gone is no reason to end. */
export function createLogger({ level, format, name, destination }: LoggerOptions): Logger {
  const isPretty = format === "pretty" || (format === "auto" && process.stderr.isTTY === true);
  const target = destination ?? openStderr();
  return pino(
    {
      level,
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => scrubFields(fields) },
    },
    isPretty ? prettify(target) : target,
  );
}

/** Loaded only when asked for: a server that logs JSON does not carry it. */
function prettify(destination: LogDestination): LogDestination {
  const load = createRequire(import.meta.url);
  const { prettyFactory } = load("pino-pretty") as {
    prettyFactory(options: object): (line: string) => string;
  };
  const colorize = process.stderr.isTTY === true && !process.env.NO_COLOR;
  const toText = prettyFactory({ colorize, translateTime: "SYS:HH:MM:ss.l" });
  return { write: (line) => destination.write(toText(line)) };
}

function openStderr(): LogDestination {
  const stderr = pino.destination({ fd: STDERR, sync: true });
  // Nobody may be left to read it (EPIPE): lines are lost, the server goes on.
  stderr.on("error", () => undefined);
  return stderr;
}

/** Names of fields that may hold what people wrote, or a secret. */
const SECRET =
  /^(text|body|token|secret|password|authorization|cookie|set-cookie|json|draft|frame|nickname|query)$|(token|secret|password)$/i;
const REMOVED = "[removed]";
const MAX_DEPTH = 6;
const MAX_ITEMS = 50;
const MAX_CHARACTERS = 2000;

/** Copies fields for the log: without secrets, and within bounds of depth, number and length. */
export function scrubFields(fields: LogFields): Record<string, unknown> {
  return scrubRecord(fields, MAX_DEPTH);
}

function scrubRecord(record: LogFields, depth: number): Record<string, unknown> {
  const entries = Object.entries(record).slice(0, MAX_ITEMS);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, SECRET.test(name) ? REMOVED : scrubValue(value, depth - 1)]),
  );
}

function scrubValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return shorten(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth <= 0) return "[deep]";
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => scrubValue(item, depth - 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return scrubRecord(value as LogFields, depth);
}

/** Only what every error has: further fields may hold the request that failed. */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { readonly code?: unknown };
  return {
    type: error.name,
    message: shorten(error.message),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    stack: shorten(error.stack ?? ""),
    ...(error.cause === undefined ? {} : { cause: scrubValue(error.cause, depth - 1) }),
  };
}

function shorten(text: string): string {
  return text.length <= MAX_CHARACTERS
    ? text
    : `${text.slice(0, MAX_CHARACTERS)}… (${text.length} characters)`;
}
