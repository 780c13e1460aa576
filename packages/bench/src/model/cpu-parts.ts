/** What a cluster's CPU time is told apart by. */
export const cpuParts = ["primaries", "workers", "postgres", "nats"] as const;
export type CpuPart = (typeof cpuParts)[number];
