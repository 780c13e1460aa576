/** What it costs that people come and go, while few or many are there. */
import type { PresenceAct, PresenceResult } from "../load/job.ts";
import { STRANGERS } from "../load/job.ts";
import type { Chart } from "../report/chart.ts";
import { formatNumber, formatSpread, type Report, spreadOf, type Target, tableOf } from "../report/report.ts";
import { ClusterHost } from "../servers/cluster.ts";
import { generate } from "../servers/generator.ts";
import { type BenchContext, machineNote } from "./context.ts";

const NODES = 3;
const USERS = [1000, 10_000, 50_000];
export const CONTACTS = 100;
const ONLINE_SHARE = 0.5;
const ARRIVALS = 2000;
const ARRIVALS_PER_SECOND = 200;
const QUIET_MS = 5000;
/** Below all of the above, as in a cluster of any size that matters; lists are measured by `storm`. */
const LOBBY_USERS = 500;
/** Fifty times as many users may make a join this much dearer. */
const TARGET_GROWTH = 2;

export interface PresenceRun {
  readonly users: number;
  readonly run: number;
  readonly result: PresenceResult;
}

export const PRESENCE_REPORT = "Presence over a cluster";

export async function benchPresence(context: BenchContext): Promise<Report> {
  const { clock, children, settings } = context;
  await using host = await ClusterHost.start(clock, children);
  const runs: PresenceRun[] = [];
  for (let run = 1; run <= settings.runs; run += 1) {
    for (const users of settings.connections === undefined ? USERS : [settings.connections]) {
      const result = await generate<"presence">(
        clock,
        children,
        {
          kind: "presence",
          seed: run,
          nats: { url: host.nats.url, pid: host.nats.pid },
          nodes: settings.nodes?.at(-1) ?? NODES,
          ...{ users, lobbyUsers: LOBBY_USERS, contacts: CONTACTS, onlineShare: ONLINE_SHARE },
          ...{ arrivals: ARRIVALS, arrivalsPerSecond: ARRIVALS_PER_SECOND, quietMs: QUIET_MS },
        },
        undefined,
      );
      const measured = { users, run, result };
      runs.push(measured);
      context.progress(
        `run ${run} ${formatNumber(users)} users: ${formatNumber(costOf(result, "joins").nodesMicros)} µs and ` +
          `${formatNumber(costOf(result, "joins").bytes)} bytes a join`,
      );
    }
  }
  return {
    name: PRESENCE_REPORT,
    notes: [
      machineNote(),
      `users without sockets over the real primaries' parts of ${settings.nodes?.at(-1) ?? NODES} nodes in one process, linked by NATS, each with ${CONTACTS} contacts by ` +
        `chance, ${ONLINE_SHARE * 100} % of whom are online; ${ARRIVALS} more come, ${ARRIVALS_PER_SECOND} a second, watch their contacts, and go`,
      "CPU: of all nodes together and of nats-server, for each, what quiet takes meanwhile taken off; bytes: subjects and " +
        "payloads, sent and received, over all nodes, without what NATS adds",
      "memory: of the process with all nodes, for each user online, what it watches included",
      `runs: ${settings.runs}: median [lowest–highest]`,
    ],
    tables: [
      tableOf("Coming, watching, going", ACT_COLUMNS, rowsOf(runs, actRows)),
      tableOf("Nobody comes or goes", QUIET_COLUMNS, rowsOf(runs, quietRows)),
    ],
    charts: chartsOf(runs),
    targets: targetsOf(runs),
    runs,
  };
}

export const presenceActs = ["joins", "watches", "strangers", "leaves"] as const;
export type PresenceActName = (typeof presenceActs)[number];

export interface PresenceCost {
  readonly nodesMicros: number;
  readonly busMicros: number;
  readonly messages: number;
  readonly bytes: number;
}

/** For each of them, less what quiet takes in the same time. */
export function costOf(result: PresenceResult, name: PresenceActName): PresenceCost {
  const act = result[name];
  const { quiet } = result;
  const share = act.measuredMs / quiet.measuredMs;
  const each = (read: (one: PresenceAct) => number): number =>
    Math.max(0, read(act) - read(quiet) * share) / act.count;
  return {
    nodesMicros: each(({ nodesCpuMs }) => nodesCpuMs) * 1000,
    busMicros: each(({ busCpuMs }) => busCpuMs) * 1000,
    messages: each(({ sentMessages, receivedMessages }) => sentMessages + receivedMessages),
    bytes: each(({ sentBytes, receivedBytes }) => sentBytes + receivedBytes),
  };
}

function rowsOf(
  runs: readonly PresenceRun[],
  rows: (group: readonly PresenceRun[]) => readonly string[][],
): string[][] {
  const groups = Map.groupBy(runs, ({ users }) => users);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return rows(group).map((cells) => [formatNumber(first.users), ...cells]);
  });
}

const ACT_COLUMNS = ["users", "what", "CPU nodes, µs", "CPU NATS, µs", "messages", "bytes"];
const actNames: Readonly<Record<PresenceActName, string>> = {
  joins: "come",
  watches: `watch ${CONTACTS} contacts`,
  strangers: `watch ${STRANGERS} who are not known`,
  leaves: "go",
};

function actRows(group: readonly PresenceRun[]): string[][] {
  return presenceActs.map((name) => {
    const each = (read: (cost: PresenceCost) => number): string =>
      formatSpread(group.map(({ result }) => read(costOf(result, name))));
    return [
      actNames[name],
      each(({ nodesMicros }) => nodesMicros),
      each(({ busMicros }) => busMicros),
      each(({ messages }) => messages),
      each(({ bytes }) => bytes),
    ];
  });
}

const QUIET_COLUMNS = [
  ...["users", "CPU nodes, ms/s", "CPU NATS, ms/s", "messages/s", "bytes/s", "memory, KB/user"],
];

function quietRows(group: readonly PresenceRun[]): string[][] {
  const each = (read: (quiet: PresenceAct) => number): string =>
    formatSpread(group.map(({ result: { quiet } }) => (read(quiet) * 1000) / quiet.measuredMs));
  return [
    [
      each(({ nodesCpuMs }) => nodesCpuMs),
      each(({ busCpuMs }) => busCpuMs),
      each(({ sentMessages, receivedMessages }) => sentMessages + receivedMessages),
      each(({ sentBytes, receivedBytes }) => sentBytes + receivedBytes),
      formatSpread(group.map(({ result }) => result.rssKb / result.users)),
    ],
  ];
}

function chartsOf(runs: readonly PresenceRun[]): Chart[] {
  const draw = (what: string, valueLabel: string, read: (cost: PresenceCost) => number): Chart => ({
    kind: "lines",
    name: `presence-${what}`,
    title: `Presence: ${what === "cpu" ? "CPU" : what} for each who comes, watches and goes`,
    valueLabel,
    xLabel: "users online",
    series: presenceActs.map((name) => ({
      name: actNames[name],
      points: [...Map.groupBy(runs, ({ users }) => users)].map(([users, group]) => ({
        x: users,
        y: spreadOf(group.map(({ result }) => read(costOf(result, name)))).median,
      })),
    })),
  });
  return [
    draw("bytes", "bytes sent and received over all nodes", ({ bytes }) => bytes),
    draw("cpu", "µs of CPU of all nodes and NATS", (cost) => cost.nodesMicros + cost.busMicros),
  ];
}

function targetsOf(runs: readonly PresenceRun[]): Target[] {
  const bytes = (users: number): number[] =>
    runs.filter((run) => run.users === users).map(({ result }) => costOf(result, "joins").bytes);
  const sizes = [...new Set(runs.map(({ users }) => users))];
  const [few, many] = [Math.min(...sizes), Math.max(...sizes)];
  if (few === many) return [];
  const growth = spreadOf(bytes(many)).median / spreadOf(bytes(few)).median;
  return [
    {
      what: `bytes of a join with ${formatNumber(many)} users over those with ${formatNumber(few)}`,
      wanted: `≤ ${TARGET_GROWTH}`,
      measured: formatNumber(growth),
      met: growth <= TARGET_GROWTH,
    },
  ];
}
