import { describe, expect, test } from "bun:test";
import { formatBytes, formatCount, formatDuration } from "../app/units.ts";
import { formatAnnouncement } from "./announce.ts";
import { formatStatus, type StatusReply } from "./status.ts";

const DAY_MS = 86_400_000;

function statusOf(workers: StatusReply["workers"]): StatusReply {
  return {
    type: "status",
    primary: {
      pid: 4_194_304,
      uptimeMs: 400 * DAY_MS,
      memoryBytes: 2 ** 40,
      version: "0.1.0",
      address: "http://localhost:9090",
      dataDirectory: "/var/lib/duologue",
    },
    workers,
    store: {
      bytes: 2 ** 45,
      walBytes: 2 ** 30,
      queued: 123_456,
      committed: 9_876_543_210,
      health: { kind: "well" },
    },
  };
}

describe("status", () => {
  test("stays within 80 columns with the largest numbers", () => {
    const worker = {
      number: 256,
      pid: 4_194_304,
      uptimeMs: 400 * DAY_MS + 82_800_000,
      memoryBytes: 2 ** 40,
      connections: 50_000,
      users: 50_000,
      messagesIn: 9e12,
      messagesOut: 9e12,
    };
    const lines = formatStatus(statusOf([worker])).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("says that the store takes no messages, and why, within 80 columns", () => {
    const status = statusOf([]);
    const health = { kind: "full", problem: `database or disk is full ${"x".repeat(100)}` } as const;
    const text = formatStatus({ ...status, store: { ...status.store, health } });
    expect(text).toMatch(/NOT READY.*disk is full/);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBe(80);
    expect(formatStatus(status)).not.toContain("NOT READY");
  });

  test("shows the bus, where there is one, within 80 columns", () => {
    const bus = {
      address: `nats://${"a".repeat(100)}:4222`,
      isConnected: true,
      isRefused: false,
      dropped: 9e12,
      unknown: 9e12,
      broken: 9e12,
    };
    const text = formatStatus({ ...statusOf([]), bus });
    expect(text).toContain("Bus      nats://aaa");
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toContain(", connected\n");
    expect(formatStatus({ ...statusOf([]), bus: { ...bus, isConnected: false } })).toContain("AWAY");
    const refused = formatStatus({ ...statusOf([]), bus: { ...bus, isConnected: false, isRefused: true } });
    expect(refused).toContain("RIGHTS MISSING");
    expect(Math.max(...refused.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(formatStatus(statusOf([]))).not.toContain("Bus");
  });

  test("shows the nodes of the cluster and who is online in all, within 80 columns", () => {
    const others = Array.from({ length: 2 }, (_, index) => ({ node: `other-${index}`, users: 40 }));
    const cluster = { node: "AbCdEfGhIjKl", users: 120, ownUsers: 40, others, isCrowded: false };
    const text = formatStatus({ ...statusOf([]), cluster });
    expect(text).toContain("\nCluster  3 nodes, 120 users (this one: AbCdEfGhIjKl, 40)\n");
    const alone = { ...cluster, users: 40, others: [] };
    expect(formatStatus({ ...statusOf([]), cluster: alone })).toContain("Cluster  1 node, 40 users");
    const crowd = Array.from({ length: 1_024 }, (_, index) => ({ node: `${index}`, users: 1 }));
    const most = { ...cluster, users: 9e12, ownUsers: 9e12, others: crowd, isCrowded: true };
    const crowded = formatStatus({ ...statusOf([]), cluster: most });
    expect(crowded).toContain("MORE NODES");
    expect(Math.max(...crowded.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("aligns the columns of all workers", () => {
    const worker = {
      number: 1,
      pid: 7,
      uptimeMs: 1000,
      memoryBytes: 1024,
      connections: 1,
      users: 1,
      messagesIn: 1,
      messagesOut: 1,
    };
    const text = formatStatus(statusOf([worker, { ...worker, number: 2, pid: 123_456, connections: 9999 }]));
    const [head = "", ...rows] = text.trimEnd().split("\n").slice(-3);
    expect(rows.map((row) => row.length)).toEqual([head.length, head.length]);
    expect(head).toMatch(/^Worker +Pid +Up +Memory +Connections +Users +In +Out$/);
  });
});

test.each([
  [0, "0s"],
  [999, "0s"],
  [8000, "8s"],
  [310_000, "5m 10s"],
  [3_600_000, "1h 0m"],
  [DAY_MS * 3 + 4 * 3_600_000 + 1, "3d 4h"],
])("%d ms are %s", (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KB"],
  [1024 * 1023.9, "1.0 MB"],
  [52_428_800, "50 MB"],
  [2 ** 41, "2.0 TB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [99_999, "99999"],
  [100_000, "100k"],
  [1_234_567, "1.2M"],
  [999_999, "1.0M"],
])("the count %d is %s", (count, text) => {
  expect(formatCount(count)).toBe(text);
});

test("the announcement gives an address to open, and where the data is", () => {
  const text = formatAnnouncement({
    version: "0.1.0",
    address: "http://localhost:9090",
    networkAddresses: ["http://192.0.2.1:9090"],
    dataDirectory: "/var/lib/duologue",
    workers: 2,
  });
  expect(text).toMatch(/Open +http:\/\/localhost:9090\n/);
  expect(text).toMatch(/Network +http:\/\/192\.0\.2\.1:9090\n/);
  expect(text).toMatch(/Data +\/var\/lib\/duologue\n/);
});
