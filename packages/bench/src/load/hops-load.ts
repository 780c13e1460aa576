/** Yardstick: texts from one connection of NATS to another, as bare as a note between nodes can be. */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { BenchClock } from "../clock.ts";
import { LatencyHistogram } from "./histogram.ts";
import type { HopsJob, HopsResult } from "./job.ts";
import { measurePhase } from "./measured-phase.ts";

const SUBJECTS = 200;
/** What is under way at once: more would measure how long queues get. */
const WINDOW = 64;

export async function runHops(clock: BenchClock, job: HopsJob): Promise<HopsResult> {
  const [publisher, subscriber] = await Promise.all([open(job), open(job)]);
  try {
    return await new HopsLoad(clock, job, publisher, subscriber).run();
  } finally {
    await Promise.all([publisher.close(), subscriber.close()]);
  }
}

function open(job: HopsJob): Promise<NatsConnection> {
  return connect({ servers: job.natsUrl, noEcho: true });
}

class HopsLoad {
  private readonly delay = new LatencyHistogram();
  private readonly payload: Uint8Array;
  private readonly sentAtMs = new Float64Array(WINDOW);
  private sent = 0;
  private arrived = 0;
  private counted = 0;
  private measuring = false;
  private stopped = false;
  private pending = false;

  private readonly clock: BenchClock;
  private readonly job: HopsJob;
  private readonly publisher: NatsConnection;
  private readonly subscriber: NatsConnection;

  constructor(clock: BenchClock, job: HopsJob, publisher: NatsConnection, subscriber: NatsConnection) {
    this.clock = clock;
    this.job = job;
    this.publisher = publisher;
    this.subscriber = subscriber;
    this.payload = new TextEncoder().encode("x".repeat(job.payloadBytes));
  }

  async run(): Promise<HopsResult> {
    const { job } = this;
    for (let subject = 0; subject < SUBJECTS; subject += 1) {
      this.subscriber.subscribe(`bench.${subject}`, { callback: () => this.onArrival() });
    }
    await this.subscriber.flush();
    this.sendMore();
    const watched = {
      serverPids: [],
      beside: [{ name: "nats", pid: job.natsPid }],
      meters: undefined,
    };
    const phase = await measurePhase(this.clock, watched, job, {
      begin: () => {
        this.measuring = true;
      },
      end: () => {
        this.measuring = false;
      },
    });
    this.stopped = true;
    return { kind: "hops", hops: this.counted, delay: this.delay.summary(), ...phase };
  }

  /** All subjects are of one connection, so texts arrive in the order they were sent. */
  private onArrival(): void {
    if (this.measuring) {
      this.counted += 1;
      this.delay.record(this.clock.monotonic() - (this.sentAtMs[this.arrived % WINDOW] ?? 0));
    }
    this.arrived += 1;
    if (this.pending || this.stopped) return;
    this.pending = true;
    this.clock.endOfTurn(() => {
      this.pending = false;
      this.sendMore();
    });
  }

  private sendMore(): void {
    const nowMs = this.clock.monotonic();
    for (; this.sent < this.arrived + WINDOW; this.sent += 1) {
      this.sentAtMs[this.sent % WINDOW] = nowMs;
      this.publisher.publish(`bench.${this.sent % SUBJECTS}`, this.payload);
    }
  }
}
