/**
 * Yardstick: what nats-server takes to know who wants to hear of a user. Each subject that a node subscribes is kept by its
 * own server, and told to and kept by every other server of the bus.
 */
import { connect, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { type BenchClock, within } from "../clock.ts";
import { memoryOf, treeCpuMs } from "../system/processes.ts";
import { type InterestJob, type InterestResult, LoadError } from "./job.ts";

/** Of a subscription's name: a realm, a kind and the id of a user, as long as Duologue's. */
const SUBJECT_HEAD = "0192f3a4b5c6.u.01920000";
const AT_ONCE = 5000;
const POLL_MS = 50;
const LIMIT_MS = 60_000;

export async function runInterest(clock: BenchClock, job: InterestJob): Promise<InterestResult> {
  const link = await connect({ servers: job.natsUrl });
  try {
    // The first ones make room that the later ones use.
    await subscribe(clock, job, link, "w", job.warmupSubjects);
    const cpuBefore = job.servers.map(({ pid }) => treeCpuMs(pid));
    const memoryBefore = job.servers.map(({ pid }) => rssKb(pid));
    await subscribe(clock, job, link, "s", job.warmupSubjects + job.subjects);
    return {
      kind: "interest",
      subjects: job.subjects,
      servers: job.servers.map(({ name, pid }, index) => ({
        name,
        cpuMs: treeCpuMs(pid) - (cpuBefore[index] ?? 0),
        rssKb: rssKb(pid) - (memoryBefore[index] ?? 0),
      })),
    };
  } finally {
    await link.close();
  }
}

/** Until every server knows `total` of them. */
async function subscribe(
  clock: BenchClock,
  job: InterestJob,
  link: NatsConnection,
  letter: string,
  total: number,
): Promise<void> {
  const count = letter === "w" ? job.warmupSubjects : job.subjects;
  const subscriptions: Subscription[] = [];
  for (let index = 0; index < count; index += 1) {
    const user = index.toString(16).padStart(16, "0");
    subscriptions.push(link.subscribe(`${SUBJECT_HEAD}${letter}${user}`, { callback: () => undefined }));
    if (index % AT_ONCE === 0) await link.flush();
  }
  await link.flush();
  const known = job.servers.map(({ monitorUrl }) => waitFor(clock, monitorUrl, total));
  await within(clock, LIMIT_MS, "subscriptions", Promise.all(known));
}

async function waitFor(clock: BenchClock, monitorUrl: string, total: number): Promise<void> {
  for (;;) {
    const answer = await fetch(new URL("/subsz", monitorUrl));
    if (!answer.ok) throw new LoadError(`nats-server's monitor answers ${answer.status}`);
    // Of its servers among each other there are some more.
    const { num_subscriptions } = (await answer.json()) as { readonly num_subscriptions: number };
    if (num_subscriptions >= total) return;
    await clock.pause(POLL_MS);
  }
}

function rssKb(pid: number): number {
  return memoryOf([pid])[0]?.rssKb ?? 0;
}
