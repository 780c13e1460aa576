/** Reads what the benchmarks of a cluster have written, and makes the model's costs of it. */
import { BARE_REPORT, type HopsRun, type InterestRun, type RowsRun } from "../benchmarks/bare.ts";
import { caseName, cpuOf, NODES_REPORT, type NodesRun, offerName } from "../benchmarks/nodes.ts";
import { costOf, countOf, memoryOf, ONLINE_REPORT, type OnlineRun } from "../benchmarks/online.ts";
import {
  CONTACTS,
  PRESENCE_REPORT,
  type PresenceRun,
  costOf as presenceCostOf,
} from "../benchmarks/presence.ts";
import { STRANGERS } from "../load/job.ts";
import type { Report } from "../report/report.ts";
import {
  type ClusterCosts,
  type Cost,
  fitMessageCosts,
  fitQuietCosts,
  type MessageRun,
  type QuietRun,
  type Range,
  rangeOf,
  recordOf,
} from "./cluster-costs.ts";
import { cpuParts } from "./cpu-parts.ts";
import { foretellEach, type HeldOut } from "./held-out.ts";

export class MeasuredError extends Error {
  override readonly name = "MeasuredError";
}

/** Each case of runs of messages, foretold from the others; throws MeasuredError without them. */
export function heldOutOf(reports: readonly Report[]): HeldOut[] {
  return foretellEach(
    nodesOf(reports).map((run) => ({
      ...messageRunOf(run),
      name: `${caseName(run)}, ${offerName(run.offer)}`,
    })),
  );
}

function nodesOf(reports: readonly Report[]): NodesRun[] {
  return runsOf<NodesRun>(reports, NODES_REPORT).filter(({ result }) => result.meters !== undefined);
}

/** Of the four reports; throws MeasuredError when one of them is not in it. */
export function costsOf(reports: readonly Report[]): ClusterCosts {
  const nodes = nodesOf(reports);
  const online = runsOf<OnlineRun>(reports, ONLINE_REPORT);
  const bare = runsOf<RowsRun | HopsRun | InterestRun>(reports, BARE_REPORT);
  const presence = runsOf<PresenceRun>(reports, PRESENCE_REPORT);
  const closed = nodes.filter(({ offer, bus }) => offer.kind === "closed" && bus === "nats");
  const plain = closed.filter(({ marks }) => !marks);
  const apart = plain.filter(({ placement }) => placement === "apart");
  const together = plain.filter(({ placement }) => placement === "together");
  const marked = closed.filter(({ marks }) => marks);
  const wal = over(plain, ({ result }) => meter(result, "walBytes"));
  const subjects = bare.flatMap((run) =>
    run.kind === "interest"
      ? run.result.servers.map((server) => ({ ...server, count: run.result.subjects }))
      : [],
  );
  const alone = bare.flatMap((run) =>
    run.kind === "rows" && run.batch === 1 && run.connections === 1 ? [run] : [],
  );
  const largest = Math.max(...online.map(({ connections }) => connections));
  const crowd = online.filter(({ connections }) => connections === largest);
  const cost = (activity: Parameters<typeof costOf>[1]): Cost =>
    recordOf(cpuParts, (part) => over(crowd, (run) => costOf(run, activity, part)));
  const quiet = fitQuietCosts(online.map(quietRunOf));
  const busBytes = (runs: readonly NodesRun[]): Range =>
    over(runs, ({ result }) => meter(result, "busInBytes") + meter(result, "busOutBytes"));
  return {
    messages: fitMessageCosts(nodes.map(messageRunOf)),
    walBytes: wal,
    databaseBytes: over(plain, ({ result }) => meter(result, "databaseBytes")),
    markWalBytes: over(marked, ({ result }) => meter(result, "walBytes") - wal.value),
    busBytes: busBytes(together),
    hopBusBytes: over(
      apart,
      ({ result }) => meter(result, "busInBytes") + meter(result, "busOutBytes") - busBytes(together).value,
    ),
    login: cost("logins"),
    returned: cost("returns"),
    ping: cost("pings"),
    leaving: {
      primaries: over(presence, ({ result }) => presenceCostOf(result, "leaves").nodesMicros),
      nats: over(presence, ({ result }) => presenceCostOf(result, "leaves").busMicros),
    },
    ask: {
      primaries: over(presence, ({ result }) => presenceCostOf(result, "strangers").nodesMicros / STRANGERS),
      nats: over(presence, ({ result }) => presenceCostOf(result, "strangers").busMicros / STRANGERS),
    },
    watchKb: watchKbOf(presence),
    watchMicros: over(presence, ({ result }) => presenceCostOf(result, "watches").nodesMicros / CONTACTS),
    nodeSecond: quiet.node,
    userSecond: quiet.user,
    memoryKb: recordOf(cpuParts, (part) => over(crowd, (run) => memoryOf(run, part))),
    subjectsPerUser: over(
      crowd,
      (run) => (run.result.logins.meters?.busSubscriptions ?? Number.NaN) / countOf(run, "logins"),
    ),
    subjectBytes: over(subjects, ({ rssKb, count }) => (rssKb * 1024) / count),
    subjectMicros: over(subjects, ({ cpuMs, count }) => (cpuMs * 1000) / count),
    commitMs: over(alone, ({ result }) => result.commit.p50Ms),
  };
}

/** By how much the memory of runs with more users is larger; what does not grow with them was there before. */
function watchKbOf(presence: readonly PresenceRun[]): Range {
  const rounds = [...Map.groupBy(presence, ({ run }) => run).values()];
  const slopes = rounds.map((round) => {
    const [first, last] = [round.at(0), round.at(-1)];
    if (first === undefined || last === undefined || first.users === last.users) return Number.NaN;
    return (last.result.rssKb - first.result.rssKb) / (last.users - first.users) / CONTACTS;
  });
  return rangeOf(slopes);
}

function runsOf<T>(reports: readonly Report[], name: string): T[] {
  const report = reports.find((one) => one.name === name);
  if (report === undefined)
    throw new MeasuredError(
      `the measurements hold no report "${name}": run npm run bench -- cluster --json FILE`,
    );
  // Written by this package's own benchmarks, so its shape is known.
  return report.runs as T[];
}

function over<T>(runs: readonly T[], value: (run: T) => number): Range {
  return rangeOf(runs.map(value));
}

function meter(result: NodesRun["result"], name: keyof NonNullable<NodesRun["result"]["meters"]>): number {
  return (result.meters?.[name] ?? Number.NaN) / result.delivered;
}

function quietRunOf(run: OnlineRun): QuietRun {
  const { run: round, nodes, connections: users } = run;
  return {
    ...{ round, nodes, users, seconds: run.result.quiet.measuredMs / 1000 },
    micros: recordOf(cpuParts, (part) => costOf(run, "quiet", part) * countOf(run, "quiet")),
  };
}

function messageRunOf(run: NodesRun): MessageRun {
  const { result, marks, placement } = run;
  const costs = cpuOf(run);
  return {
    round: run.run,
    messages: result.delivered,
    // A mark is told to both as a message is, and crosses the bus as often.
    hops: placement === "apart" ? result.delivered * (marks ? 2 : 1) : 0,
    marks: marks ? result.delivered : 0,
    transactions: result.meters?.writeTransactions ?? 0,
    micros: recordOf(cpuParts, (part) => costs[part] * result.delivered),
  };
}
