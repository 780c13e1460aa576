/**
 * v1 pairs that write to each other. A message counts when it was acknowledged and its event reached the partner;
 * ids, order and numbers of every one are checked (CV3, CV4, CV12).
 */
import type { BenchClock } from "../clock.ts";
import { within } from "../clock.ts";
import { fieldPattern, findValue, readNumber, readText } from "../wire/json-fields.ts";
import { maskedTextFrame } from "../wire/masked-frame.ts";
import { DurableSender, readIdNumber } from "./durable-sender.ts";
import { LatencyHistogram } from "./histogram.ts";
import { type DurableJob, LoadError, type LoadResult, nodeOf } from "./job.ts";
import { measurePhase, type Watched } from "./measured-phase.ts";
import { isMessageText, TEXT_BYTES } from "./message-text.ts";
import { cutAll } from "./open-sockets.ts";
import { createPacer, type Pacer } from "./pacer.ts";
import { SendQueue } from "./send-queue.ts";
import { type GuestLogin, loginGuests } from "./v1-login.ts";

const CALM_MS = 300;
const OPEN_LIMIT_MS = 30_000;
const DRAIN_LIMIT_MS = 20_000;
const TYPE = fieldPattern("type", "text");
const ID = fieldPattern("id", "text");
const SEQ = fieldPattern("seq", "number");
const TEXT = fieldPattern("text", "text");
const CONVERSATION = fieldPattern("conversation", "number");

export async function runDurable(clock: BenchClock, job: DurableJob): Promise<LoadResult> {
  const { cluster } = job;
  const targetOf = cluster === undefined ? () => job : (index: number) => nodeOf(cluster, index);
  const { everybodyNamed, prefix = "u" } = job;
  const login = await loginGuests(clock, targetOf, job.connections, { everybodyNamed, prefix });
  try {
    await login.watch.calm(CALM_MS);
    const conversations = await within(clock, OPEN_LIMIT_MS, "open", openConversations(login));
    const load = new DurableLoad(clock, job, login, conversations);
    login.watch.handOver(
      (index, bytes, start, end) => load.onFrame(index, bytes, start, end),
      (error) => load.fail(error),
    );
    return await load.run();
  } finally {
    cutAll(login.sockets);
  }
}

function watchedOf({ serverPid, cluster }: DurableJob): Watched {
  if (cluster === undefined) return { serverPids: [serverPid], beside: [], meters: undefined };
  return { serverPids: cluster.nodes.map(({ pid }) => pid), beside: cluster.beside, meters: cluster };
}

/** The even one of each pair opens the conversation; answers its id for each connection. */
function openConversations(login: GuestLogin): Promise<string[]> {
  const conversations: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  let remaining = login.sockets.length / 2;
  login.watch.handOver((index, bytes, start, end) => {
    const type = readText(bytes, findValue(bytes, start, end, TYPE), end);
    if (type === "error") reject(new LoadError(Buffer.from(bytes.subarray(start, end)).toString()));
    if (type !== "conversation") return;
    const id = readText(bytes, findValue(bytes, findValue(bytes, start, end, CONVERSATION), end, ID), end);
    conversations[index] = id;
    conversations[index ^ 1] = id;
    remaining -= 1;
    if (remaining === 0) resolve(conversations);
  }, reject);
  for (let index = 0; index < login.sockets.length; index += 2) {
    const open = JSON.stringify({ type: "open", ref: 1, user: login.userIds[index + 1] });
    login.sockets[index]?.write(maskedTextFrame(open));
  }
  return promise;
}

class DurableLoad {
  private readonly pacer: Pacer;
  private readonly queue: SendQueue;
  private readonly acknowledgement = new LatencyHistogram();
  private readonly delivery = new LatencyHistogram();
  /** Per sender: how many of its messages were acknowledged, were delivered, and were both. */
  private readonly acknowledged: Float64Array;
  private readonly delivered: Float64Array;
  private readonly lastSeq: Float64Array;
  private readonly seqSums: Float64Array;
  /** A `mark` frame for each connection, up to the number. */
  private readonly markHeads: readonly string[];
  private measuring = false;
  private finishedCount = 0;
  private outOfTurn = 0;
  private fault: Error | undefined;

  private readonly clock: BenchClock;
  private readonly job: DurableJob;
  private readonly login: GuestLogin;

  constructor(clock: BenchClock, job: DurableJob, login: GuestLogin, conversations: readonly string[]) {
    this.clock = clock;
    this.job = job;
    this.login = login;
    this.markHeads = conversations.map((id) => `{"type":"mark","conversation":"${id}"`);
    const count = login.sockets.length;
    this.acknowledged = new Float64Array(count);
    this.delivered = new Float64Array(count);
    this.lastSeq = new Float64Array(count);
    this.seqSums = new Float64Array(count);
    const senders = login.sockets.map(
      (socket, index) => new DurableSender(clock, socket, index, conversations[index] ?? ""),
    );
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
    await this.everythingFinished();
    this.checkNumbers();
    return {
      kind: "load",
      delivered: this.finishedCount,
      finished: this.queue.sentCounts.reduce((sum, sent) => sum + sent, 0),
      perSecond: (this.finishedCount * 1000) / phase.measuredMs,
      delivery: this.delivery.summary(),
      acknowledgement: this.acknowledgement.summary(),
      outOfTurn: this.outOfTurn,
      ...phase,
      ...(this.pacer.sentLate === undefined ? {} : { sentLate: this.pacer.sentLate }),
    };
  }

  fail(error: Error): void {
    this.fault ??= error;
  }

  onFrame(index: number, bytes: Uint8Array, start: number, end: number): void {
    // The first letter of the type decides: ack, event, and error (whose second letter is no 'v').
    const type = findValue(bytes, start, end, TYPE);
    if (bytes[type] === 0x61) this.onAck(index, bytes, start, end);
    else if (bytes[type] === 0x65 && bytes[type + 1] === 0x76) this.onEvent(index, bytes, start, end);
    else if (bytes[type] === 0x65) this.onRefusal(index, bytes, start, end);
  }

  private onAck(sender: number, bytes: Uint8Array, start: number, end: number): void {
    const number = this.acknowledged[sender] ?? 0;
    const id = findValue(bytes, start, end, ID);
    if (id < 0 || readIdNumber(bytes, id) !== number) {
      this.reject(sender, `the ack of message ${number}`, bytes, start, end);
      return;
    }
    this.acknowledged[sender] = number + 1;
    this.takeSeq(sender, bytes, start, end);
    if (this.measuring)
      this.acknowledgement.record(this.clock.monotonic() - this.pacer.sinceMs(sender, number));
    if ((this.delivered[sender] ?? 0) > number) this.finish(sender);
  }

  private onEvent(receiver: number, bytes: Uint8Array, start: number, end: number): void {
    const sender = receiver ^ 1;
    const number = this.delivered[sender] ?? 0;
    const text = findValue(bytes, start, end, TEXT);
    if (text < 0 || text + TEXT_BYTES > end || !isMessageText(bytes, text, sender, number)) {
      this.reject(receiver, `message ${number} of ${sender}`, bytes, start, end);
      return;
    }
    this.delivered[sender] = number + 1;
    const seq = this.takeSeq(receiver, bytes, start, end);
    if (this.job.marks === true) this.mark(receiver, seq);
    if (this.measuring) this.delivery.record(this.clock.monotonic() - this.pacer.sinceMs(sender, number));
    if ((this.acknowledged[sender] ?? 0) > number) this.finish(sender);
  }

  /** A refused message explains the holes that are noticed after it, so it goes before them. */
  private onRefusal(index: number, bytes: Uint8Array, start: number, end: number): void {
    this.fault = undefined;
    this.reject(index, "no error", bytes, start, end);
  }

  private mark(receiver: number, seq: number): void {
    const frame = `${this.markHeads[receiver]},"delivered":${seq},"read":${seq}}`;
    this.login.sockets[receiver]?.write(maskedTextFrame(frame));
  }

  private takeSeq(index: number, bytes: Uint8Array, start: number, end: number): number {
    const seq = readNumber(bytes, findValue(bytes, start, end, SEQ));
    const last = this.lastSeq[index] ?? 0;
    if (seq !== last + 1) this.outOfTurn += 1;
    if (seq > last) this.lastSeq[index] = seq;
    this.seqSums[index] = (this.seqSums[index] ?? 0) + seq;
    return seq;
  }

  private finish(sender: number): void {
    if (this.measuring) this.finishedCount += 1;
    this.pacer.finished(sender);
  }

  private reject(index: number, expected: string, bytes: Uint8Array, start: number, end: number): void {
    const frame = Buffer.from(bytes.subarray(start, Math.min(end, start + 400))).toString();
    this.fault ??= new LoadError(`connection ${index} expected ${expected} and got: ${frame}`);
  }

  private async everythingFinished(): Promise<void> {
    const deadlineMs = this.clock.monotonic() + DRAIN_LIMIT_MS;
    for (;;) {
      if (this.fault !== undefined) throw this.fault;
      const missing = this.queue.sentCounts.reduce(
        (sum, sent, sender) =>
          sum + 2 * sent - (this.acknowledged[sender] ?? 0) - (this.delivered[sender] ?? 0),
        0,
      );
      if (missing === 0 && this.queue.isEmpty) return;
      if (this.clock.monotonic() > deadlineMs) throw new LoadError(`${missing} acks or events never came`);
      await this.clock.pause(20);
    }
  }

  /** Each side must have seen the numbers 1 to n of the conversation, each once, in acks and events together. */
  private checkNumbers(): void {
    for (const [index, last] of this.lastSeq.entries()) {
      const messages = (this.acknowledged[index] ?? 0) + (this.delivered[index ^ 1] ?? 0);
      if (last !== messages || this.seqSums[index] !== (messages * (messages + 1)) / 2) {
        throw new LoadError(
          `connection ${index}: ${messages} messages, but numbers up to ${last} with holes`,
        );
      }
    }
  }
}
