/** Users of a cluster who are online and write nothing: what they take to come, to be there, to ping and to come back. */
import type { BenchClock } from "../clock.ts";
import { memoryOf, processTree } from "../system/processes.ts";
import { fieldPattern, findValue, readNumber } from "../wire/json-fields.ts";
import { maskedTextFrame } from "../wire/masked-frame.ts";
import { LatencyHistogram } from "./histogram.ts";
import {
  type Cluster,
  type GroupMemory,
  LoadError,
  nodeOf,
  type OnlineJob,
  type OnlineResult,
  type PhaseResult,
} from "./job.ts";
import { measurePhase, measureWhile, type Watched } from "./measured-phase.ts";
import { cutAll } from "./open-sockets.ts";
import { type GuestLogin, loginGuests, type Welcome } from "./v1-login.ts";

/** Without a frame, after the logins. */
const CALM_MS = 500;
/** The grace of rule LB5, and the time in which nodes tell each other. */
const LEAVE_MS = 10_000;
const TYPE = fieldPattern("type", "text");
const REF = fieldPattern("ref", "number");
const TICK_MS = 5;
const LETTER_P = 0x70;
const LETTER_O = 0x6f;

export async function runOnline(clock: BenchClock, job: OnlineJob): Promise<OnlineResult> {
  const { cluster } = job;
  const watched: Watched = {
    serverPids: cluster.nodes.map(({ pid }) => pid),
    beside: cluster.beside,
    meters: cluster,
  };
  const enter = (count: number, prefix: string, returning: readonly Welcome[] = []): Promise<GuestLogin> =>
    loginGuests(clock, (index) => nodeOf(cluster, index), count, {
      everybodyNamed: false,
      until: "let-in",
      prefix,
      returning,
    });
  cutAll((await enter(job.warmupConnections, "w")).sockets);
  await clock.pause(LEAVE_MS);
  const memoryBefore = readMemory(cluster);
  let login: GuestLogin | undefined;
  const logins = await measureWhile(clock, watched, async () => {
    login = await enter(job.connections, "u");
    await login.watch.calm(CALM_MS);
  });
  if (login === undefined) throw new LoadError("nobody is logged in");
  await clock.pause(job.calmMs);
  const memoryAfter = readMemory(cluster);
  const quiet = await measurePhase(clock, watched, job, { begin: () => undefined, end: () => undefined });
  const pings = await new Pings(clock, job, login).run(watched);
  cutAll(login.sockets);
  await clock.pause(LEAVE_MS);
  const { welcomes } = login;
  let again: GuestLogin | undefined;
  const returns = await measureWhile(clock, watched, async () => {
    again = await enter(job.connections, "u", welcomes);
    await again.watch.calm(CALM_MS);
  });
  cutAll(again?.sockets ?? []);
  return {
    kind: "online",
    connections: job.connections,
    ...{ memoryBefore, memoryAfter, logins, quiet, pings, returns },
  };
}

function readMemory({ nodes, beside }: Cluster): GroupMemory[] {
  const pssKb = (pids: readonly number[]): number =>
    memoryOf(pids).reduce((sum, memory) => sum + memory.pssKb, 0);
  const roots = nodes.map(({ pid }) => pid);
  return [
    { name: "primaries", pssKb: pssKb(roots) },
    { name: "workers", pssKb: pssKb(roots.flatMap((pid) => processTree(pid).slice(1))) },
    ...beside.map(({ name, pid }) => ({ name, pssKb: pssKb(processTree(pid)) })),
  ];
}

/** Everybody pings in turn, at a fixed rate, as clients do every 25 s with the cursor they have. */
class Pings {
  private readonly delay = new LatencyHistogram();
  private readonly sentAtMs: Float64Array;
  private sent = 0;
  private answered = 0;
  private measuring = false;
  private fault: Error | undefined;

  private readonly clock: BenchClock;
  private readonly job: OnlineJob;
  private readonly login: GuestLogin;

  constructor(clock: BenchClock, job: OnlineJob, login: GuestLogin) {
    this.clock = clock;
    this.job = job;
    this.login = login;
    this.sentAtMs = new Float64Array(login.sockets.length);
  }

  async run(
    watched: Watched,
  ): Promise<PhaseResult & { pings: number; delay: OnlineResult["pings"]["delay"] }> {
    this.login.watch.handOver(
      (index, bytes, start, end) => this.onFrame(index, bytes, start, end),
      (error) => {
        this.fault ??= error;
      },
    );
    const startedMs = this.clock.monotonic();
    const cancel = this.clock.every(TICK_MS, () => {
      const due = ((this.clock.monotonic() - startedMs) * this.job.pingsPerSecond) / 1000;
      for (; this.sent < due; this.sent += 1) this.ping(this.sent % this.login.sockets.length);
    });
    const phase = await measurePhase(this.clock, watched, this.job, {
      begin: () => {
        this.measuring = true;
      },
      end: () => {
        this.measuring = false;
      },
    });
    cancel();
    if (this.fault !== undefined) throw this.fault;
    return { ...phase, pings: this.answered, delay: this.delay.summary() };
  }

  private ping(index: number): void {
    this.sentAtMs[index] = this.clock.monotonic();
    const cursor = this.login.welcomes[index]?.cursor;
    this.login.sockets[index]?.write(maskedTextFrame(JSON.stringify({ type: "ping", ref: index, cursor })));
  }

  private onFrame(index: number, bytes: Uint8Array, start: number, end: number): void {
    const type = findValue(bytes, start, end, TYPE);
    if (bytes[type] !== LETTER_P || bytes[type + 1] !== LETTER_O) return;
    if (readNumber(bytes, findValue(bytes, start, end, REF)) !== index) {
      this.fault ??= new LoadError(`connection ${index} got another one's pong`);
    }
    if (!this.measuring) return;
    this.answered += 1;
    this.delay.record(this.clock.monotonic() - (this.sentAtMs[index] ?? 0));
  }
}
