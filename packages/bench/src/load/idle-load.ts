/** Opens connections that then do nothing, and reads the server's memory before and after. */
import type { BenchClock } from "../clock.ts";
import { memoryOf, type ProcessMemory, processTree } from "../system/processes.ts";
import type { RawSocket } from "../wire/raw-socket.ts";
import { loginClassic } from "./classic-login.ts";
import type { IdleJob, IdleResult } from "./job.ts";
import { cutAll } from "./open-sockets.ts";
import { loginGuests } from "./v1-login.ts";

const CALM_MS = 300;

export async function runIdle(clock: BenchClock, job: IdleJob): Promise<IdleResult> {
  cutAll(await login(clock, job, job.warmupConnections, "w"));
  await clock.pause(job.calmMs);
  const before = readMemory(job);
  const sockets = await login(clock, job, job.connections, "u");
  await clock.pause(job.calmMs);
  const after = readMemory(job);
  cutAll(sockets);
  return { kind: "idle", connections: job.connections, before, after };
}

function readMemory(job: IdleJob): ProcessMemory[] {
  return memoryOf(processTree(job.serverPid));
}

async function login(
  clock: BenchClock,
  job: IdleJob,
  count: number,
  prefix: string,
): Promise<readonly RawSocket[]> {
  const target = { host: job.host, port: job.port };
  switch (job.protocol) {
    case "classic": {
      const { sockets, watch } = await loginClassic(clock, target, count, prefix);
      await watch.calm(CALM_MS);
      return sockets;
    }
    case "v1": {
      const everybodyNamed = job.everybodyNamed;
      const { sockets, watch } = await loginGuests(clock, () => target, count, { everybodyNamed, prefix });
      await watch.calm(CALM_MS);
      return sockets;
    }
  }
}
