/** `duologue status`, for people: fits 80 columns. */
import { formatBytes, formatCount, formatDuration } from "../app/units.ts";
import type { ControlReply } from "../link/control-types.ts";

export type StatusReply = Extract<ControlReply, { type: "status" }>;

/** So that the line has at most 80 columns. */
const MAX_PROBLEM = 41;
const MAX_ADDRESS = 36;

export function formatStatus({ primary, workers, store, bus, cluster }: StatusReply): string {
  const facts = [
    ["Address", primary.address],
    ["Data", primary.dataDirectory],
    ["Version", primary.version],
    [
      "Primary",
      `pid ${primary.pid}, up ${formatDuration(primary.uptimeMs)}, ${formatBytes(primary.memoryBytes)}`,
    ],
    [
      "Store",
      `${formatPlace(store)}, ${formatCount(store.committed)} committed, ${formatCount(store.queued)} waiting`,
    ],
    ...(store.health.kind === "well" ? [] : [["", formatTrouble(store.health)]]),
    ...(bus === undefined ? [] : formatBus(bus)),
    ...(cluster === undefined ? [] : formatCluster(cluster)),
  ].map(([name = "", value = ""]) => `${name.padEnd(9)}${value}`);
  const rows = workers.map((worker) => [
    String(worker.number),
    String(worker.pid),
    formatDuration(worker.uptimeMs),
    formatBytes(worker.memoryBytes),
    formatCount(worker.connections),
    formatCount(worker.users),
    formatCount(worker.messagesIn),
    formatCount(worker.messagesOut),
  ]);
  const heads = ["Worker", "Pid", "Up", "Memory", "Connections", "Users", "In", "Out"];
  return `${[...facts, "", ...formatTable(heads, rows)].join("\n")}\n`;
}

/** Without its bus a node goes on: what others would be told at once, they find out later. */
function formatBus(bus: NonNullable<StatusReply["bus"]>): (readonly [string, string])[] {
  const { address, isConnected, isRefused, dropped, unknown, broken } = bus;
  const state = `${isConnected ? "connected" : "AWAY, tried again"}${isRefused ? ", RIGHTS MISSING" : ""}`;
  const losses = `${formatCount(dropped)} notes not sent, ${formatCount(unknown)} unknown, ${formatCount(broken)} refused`;
  return [
    ["Bus", `${address.slice(0, MAX_ADDRESS)}, ${state}`],
    ["", losses],
  ];
}

/** Which nodes hear each other: two islands of one node each look well by themselves. */
function formatCluster(cluster: NonNullable<StatusReply["cluster"]>): (readonly [string, string])[] {
  const { node, users, ownUsers, others, isCrowded } = cluster;
  const nodes = others.length === 0 ? "1 node" : `${formatCount(others.length + 1)} nodes`;
  const own = `this one: ${node}, ${formatCount(ownUsers)}`;
  return [
    ["Cluster", `${nodes}, ${formatCount(users)} users (${own})`],
    ...(isCrowded ? [["", "THERE ARE MORE NODES, which are not heard"] as const] : []),
  ];
}

function formatPlace({ address, bytes, walBytes }: StatusReply["store"]): string {
  return address ?? `${formatBytes(bytes)} + ${formatBytes(walBytes)} log`;
}

function formatTrouble({ kind, problem }: StatusReply["store"]["health"]): string {
  return `NOT READY, takes no messages: ${(problem ?? kind).slice(0, MAX_PROBLEM)}`;
}

/** Columns as wide as their widest cell, numbers to the right. */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heads, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  "));
}
