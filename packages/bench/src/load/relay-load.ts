/** Classic pairs that write to each other: every message is checked for sender, order, length and ending. */
import type { BenchClock } from "../clock.ts";
import { maskedHeaderBytes, maskedTextFrame, writeMaskedDigits } from "../wire/masked-frame.ts";
import type { RawSocket } from "../wire/raw-socket.ts";
import { type ClassicLogin, loginClassic, userName } from "./classic-login.ts";
import { LatencyHistogram } from "./histogram.ts";
import { LoadError, type LoadResult, type RelayJob } from "./job.ts";
import { measurePhase, type Watched } from "./measured-phase.ts";
import { isMessageText, messageText, NUMBER_DIGITS, NUMBER_OFFSET, TEXT_BYTES } from "./message-text.ts";
import { cutAll } from "./open-sockets.ts";
import { createPacer, type Pacer } from "./pacer.ts";
import { SendQueue } from "./send-queue.ts";

/** `msg:` goes before the text. */
const PREFIX_BYTES = 4;
const DRAIN_LIMIT_MS = 10_000;
/** Without any frame, before the load begins. */
const CALM_MS = 300;

export async function runRelay(clock: BenchClock, job: RelayJob): Promise<LoadResult> {
  const login = await loginClassic(clock, { host: job.host, port: job.port }, job.connections);
  try {
    await login.watch.calm(CALM_MS);
    const load = new RelayLoad(clock, job, login);
    login.watch.handOver(
      (index, bytes, start, end) => load.onFrame(index, bytes, start, end),
      (error) => load.fail(error),
    );
    return await load.run();
  } finally {
    cutAll(login.sockets);
  }
}

function watchedOf({ serverPid }: RelayJob): Watched {
  return { serverPids: [serverPid], beside: [], meters: undefined };
}

class RelayLoad {
  private readonly pacer: Pacer;
  private readonly queue: SendQueue;
  private readonly histogram = new LatencyHistogram();
  private readonly arrivedCounts: Float64Array;
  private measuring = false;
  private delivered = 0;
  private fault: Error | undefined;

  private readonly clock: BenchClock;
  private readonly job: RelayJob;

  constructor(clock: BenchClock, job: RelayJob, login: ClassicLogin) {
    this.clock = clock;
    this.job = job;
    const count = login.sockets.length;
    this.arrivedCounts = new Float64Array(count);
    const senders = login.sockets.map((socket, index) => {
      const partner = login.addresses.get(userName(index ^ 1));
      if (partner === undefined) throw new LoadError(`user ${index} has no partner in the list`);
      return new RelaySender(socket, index, partner);
    });
    this.queue = new SendQueue(clock, senders, (connection, number, nowMs) =>
      this.pacer.sent(connection, number, nowMs),
    );
    this.pacer = createPacer(clock, job.offer, count, (connection, messages) =>
      this.queue.request(connection, messages),
    );
  }

  async run(): Promise<LoadResult> {
    this.pacer.start();
    const phase = await measurePhase(this.clock, watchedOf(this.job), this.job, {
      begin: () => {
        this.measuring = true;
      },
      end: () => {
        this.measuring = false;
      },
    });
    this.pacer.stop();
    await this.everythingArrived();
    return {
      kind: "load",
      delivered: this.delivered,
      finished: this.arrivedCounts.reduce((sum, arrived) => sum + arrived, 0),
      perSecond: (this.delivered * 1000) / phase.measuredMs,
      delivery: this.histogram.summary(),
      ...phase,
      ...(this.pacer.sentLate === undefined ? {} : { sentLate: this.pacer.sentLate }),
    };
  }

  fail(error: Error): void {
    this.fault ??= error;
  }

  onFrame(receiver: number, bytes: Uint8Array, start: number, end: number): void {
    const sender = receiver ^ 1;
    const number = this.arrivedCounts[receiver] ?? 0;
    const text = start + PREFIX_BYTES;
    if (end - text !== TEXT_BYTES || !isMessageText(bytes, text, sender, number)) {
      this.reject(receiver, number, bytes, start, end);
      return;
    }
    this.arrivedCounts[receiver] = number + 1;
    if (this.measuring) {
      this.delivered += 1;
      this.histogram.record(this.clock.monotonic() - this.pacer.sinceMs(sender, number));
    }
    this.pacer.finished(sender);
  }

  private reject(receiver: number, number: number, bytes: Uint8Array, start: number, end: number): void {
    const frame = Buffer.from(bytes.subarray(start, Math.min(end, start + 120))).toString();
    // A list may still come late; it is no message.
    if (frame.startsWith("users:")) return;
    this.fault ??= new LoadError(`user ${receiver} expected message ${number} and got: ${frame}`);
  }

  private async everythingArrived(): Promise<void> {
    const deadlineMs = this.clock.monotonic() + DRAIN_LIMIT_MS;
    for (;;) {
      if (this.fault !== undefined) throw this.fault;
      const missing = this.queue.sentCounts.reduce(
        (sum, sent, sender) => sum + sent - (this.arrivedCounts[sender ^ 1] ?? 0),
        0,
      );
      if (missing === 0 && this.queue.isEmpty) return;
      if (this.clock.monotonic() > deadlineMs) throw new LoadError(`${missing} messages never arrived`);
      await this.clock.pause(20);
    }
  }
}

class RelaySender {
  private readonly frame: Uint8Array;
  private readonly numberOffset: number;
  private slots: Uint8Array;

  readonly socket: RawSocket;

  constructor(socket: RawSocket, index: number, partner: string) {
    this.socket = socket;
    const head = `chat:<${partner}>:`;
    const payload = head + messageText(index, 0);
    this.frame = maskedTextFrame(payload);
    this.numberOffset = maskedHeaderBytes(payload.length) + head.length + NUMBER_OFFSET;
    this.slots = this.frame.slice();
  }

  send(firstNumber: number, count: number): void {
    const size = this.frame.length;
    if (this.slots.length < size * count) {
      this.slots = new Uint8Array(size * count);
      for (let slot = 0; slot < count; slot += 1) this.slots.set(this.frame, slot * size);
    }
    for (let slot = 0; slot < count; slot += 1) {
      writeMaskedDigits(this.slots, slot * size + this.numberOffset, NUMBER_DIGITS, firstNumber + slot);
    }
    this.socket.write(this.slots, size * count);
  }
}
