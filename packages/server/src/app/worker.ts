/**
 * A worker: one process of several on the same port. It begins when the primary has sent its settings, and ends when the
 * link ends. Its parts are put together in worker-parts.ts.
 */
import { systemClock } from "../clock.ts";
import { Tokens } from "../domain/tokens.ts";
import { parseTrustedProxies } from "../gateway/address.ts";
import type { Gateway } from "../gateway/context.ts";
import { contentEncodings } from "../gateway/encoding.ts";
import { cutHiddenFloods } from "../gateway/hidden-frames.ts";
import { parseOrigin } from "../gateway/origin.ts";
import type { Page } from "../gateway/page.ts";
import { ClientServer, sweep } from "../gateway/server.ts";
import { PrimaryLink } from "../link/client.ts";
import { connectLines } from "../link/lines.ts";
import { tags } from "../link/messages.ts";
import { linkLimits } from "../link/socket-path.ts";
import type { PageFile, WorkerSettings, WorkerStatistics } from "../link/worker-types.ts";
import type { Logger } from "../log.ts";
import { closeAll, drain, EXIT_MS } from "./leave.ts";
import { preferNewestListener } from "./listener.ts";
import { collectWhenQuiet } from "./quiet.ts";
import { shareAnswer } from "./shared-answer.ts";
import { openReader } from "./store.ts";
import { TcpCounts } from "./tcp-counts.ts";
import { wireWorker } from "./worker-parts.ts";

const SECOND_MS = 1_000;
/** While the newer worker already gets all new connections: for those that were on their way to this one. */
const TAKEOVER_MS = 100;

export interface WorkerOptions {
  readonly socketPath: string;
  readonly serial: number;
  readonly log: Logger;
}

/** Resolves with the exit code when the worker has ended. */
export async function runWorker(options: WorkerOptions): Promise<number> {
  const clock = systemClock;
  const ended = Promise.withResolvers<number>();
  const begun = Promise.withResolvers<RunningWorker | undefined>();
  let link: PrimaryLink | undefined;
  let worker: RunningWorker | undefined;
  const connection = await connectLines(options.socketPath, clock, linkLimits, {
    onLine: (line) => link?.receive(line),
    onClose: (reason) => {
      link?.fail();
      options.log.warn({ reason }, "link to the primary ended; this worker ends too");
      worker?.closeAll("lost_bus");
      // It may still be waiting for its settings, which will not come any more.
      begun.resolve(undefined);
      clock.after(EXIT_MS, () => ended.resolve(1));
    },
  });
  const ready = new PrimaryLink(connection);
  link = ready;
  // At once, and not when a promise goes on: the next line may be a change of the list that the settings hold.
  link.onStatement(tags.settings, (settings) => {
    try {
      begun.resolve(begin(options, settings, ready));
    } catch (error) {
      begun.reject(error);
    }
  });
  const leave = (): void => {
    // Nobody is connected yet.
    begun.resolve(undefined);
    void (worker?.drain() ?? Promise.resolve()).then(() => ended.resolve(0));
  };
  link.on(tags.drain, leave);
  // From a service manager that signals every process, or by hand: the primary starts another one if it goes on.
  process.on("SIGTERM", leave);
  link.state(tags.hello, options.serial);
  worker = await begun.promise;
  if (worker === undefined) return ended.promise;
  link.send(tags.ready);
  worker.report();
  return ended.promise;
}

interface RunningWorker {
  report(): void;
  closeAll(name: "server_stopping" | "lost_bus"): void;
  drain(): Promise<void>;
}

function begin(options: WorkerOptions, settings: WorkerSettings, link: PrimaryLink): RunningWorker {
  const clock = systemClock;
  const { log, serial } = options;
  const reader = openReader(settings.store, clock);
  const tokens = new Tokens(settings.tokenSecret, reader.realm, clock);
  const { gateway, clients, hasPrimary, hasLostPrimary } = wireWorker({
    clock,
    log,
    serial,
    settings,
    link,
    reader,
    tokens,
  });
  const server = new ClientServer(gateway, clients, {
    host: settings.host,
    port: settings.port,
    reusePort: true,
    classic: settings.classic,
    origins: settings.origins.flatMap((origin) => parseOrigin(origin) ?? []),
    trustedProxies: parseTrustedProxies(settings.trustedProxies).trusted,
    page: toPage(settings.page),
    embedOrigins: settings.embedOrigins,
    isAlive: () => !hasLostPrimary(),
    // Whoever can reach the port may ask, and each question takes one of the few ways to the store.
    isReady: shareAnswer(async () => hasPrimary() && (await reader.probe().then(...settled))),
  });
  const isTakenOver = preferNewestListener(settings.workers);
  collectWhenQuiet(clock, () => gateway.statistics.messagesIn + gateway.outlet.messagesOut);
  const report = (): void => link.state(tags.statistics, statistics(gateway));
  const counts = TcpCounts.open();
  clock.every(SECOND_MS, () => {
    sweep(gateway, clock);
    if (counts !== undefined)
      cutHiddenFloods(gateway, (bytes, connections) => counts.busySince(bytes, connections));
    report();
  });
  return {
    report,
    closeAll: (name) => closeAll(gateway, name),
    drain: () => drain({ gateway, server, link, takeoverMs: isTakenOver ? TAKEOVER_MS : 0 }),
  };
}

const settled = [() => true, () => false] as const;

function statistics({ connections, outlet, statistics: { messagesIn } }: Gateway): WorkerStatistics {
  return {
    memoryBytes: process.memoryUsage.rss(),
    connections: connections.open.size,
    users: connections.users,
    messagesIn,
    messagesOut: outlet.messagesOut,
  };
}

function toPage(files: readonly PageFile[]): Page {
  const toBytes = (base64: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(base64, "base64"));
  return new Map(
    files.map(({ path, contentType, base64, encodings, immutable }) => {
      const known = contentEncodings.flatMap((name) => {
        const text = encodings[name];
        return text === undefined ? [] : [[name, toBytes(text)] as const];
      });
      return [path, { contentType, body: toBytes(base64), encodings: new Map(known), immutable }];
    }),
  );
}
