/** Everybody joins at once: how long until everybody knows everybody, and what it costs. */
import type { BenchClock } from "../clock.ts";
import { cpuOf, cpuSince, processTree } from "../system/processes.ts";
import { loginClassic } from "./classic-login.ts";
import type { StormJob, StormResult } from "./job.ts";
import { cutAll } from "./open-sockets.ts";
import { loginGuests } from "./v1-login.ts";

export async function runStorm(clock: BenchClock, job: StormJob): Promise<StormResult> {
  const cpuBefore = cpuOf(processTree(job.serverPid));
  const startedMs = clock.monotonic();
  const { sockets, watch } = await login(clock, job);
  const serverCpu = cpuSince(cpuBefore);
  const receivedBytes = sockets.reduce((sum, socket) => sum + socket.receivedBytes, 0);
  cutAll(sockets);
  return {
    kind: "storm",
    connections: job.connections,
    untilCompleteMs: watch.completeAtMs - startedMs,
    receivedBytes,
    serverCpu,
  };
}

function login(clock: BenchClock, job: StormJob): ReturnType<typeof loginClassic | typeof loginGuests> {
  const target = { host: job.host, port: job.port };
  switch (job.protocol) {
    case "classic":
      return loginClassic(clock, target, job.connections);
    case "v1":
      return loginGuests(clock, () => target, job.connections, { everybodyNamed: job.everybodyNamed });
  }
}
