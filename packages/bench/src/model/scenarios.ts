/** What people are taken to do, and what machines there are: assumptions, said wherever the model's numbers stand. */
import { formatNumber } from "../report/format.ts";
import { type Behaviour, type Machines, PEAK_HOURS_PER_DAY } from "./needs.ts";

export const USERS = [10_000, 1_000_000, 100_000_000];

export const BEHAVIOUR: Behaviour = {
  messagesPerHour: 20,
  marksPerMessage: 1.5,
  recipientOnline: 0.6,
  returnsPerHour: 4,
  newGuestsPerHour: 0.02,
  pingSeconds: 25,
  watchedPeers: 20,
  onlineShare: 0.3,
  deviceShares: [0.75, 0.2, 0.05],
};

export const MACHINES: Machines = {
  utilisation: 0.5,
  nodeCores: 8,
  nodeMemoryGb: 32,
  databaseCores: 64,
  commitLatencyMs: 2,
  databaseWalMbPerSecond: 400,
  databaseConnections: 2_000,
  busServers: 3,
  busCores: 16,
  busMemoryGb: 64,
};

export const SCENARIO_NOTES: readonly string[] = [
  `an online user in the busiest hour: ${BEHAVIOUR.messagesPerHour} messages of 64 bytes, ` +
    `${BEHAVIOUR.marksPerMessage} marks for each of them (delivered, read), ${BEHAVIOUR.recipientOnline * 100} % of the recipients online, ` +
    `${BEHAVIOUR.returnsPerHour} reconnections, ${BEHAVIOUR.watchedPeers} contacts watched (of accounts of whom ${BEHAVIOUR.onlineShare * 100} % are online), a ping every ${BEHAVIOUR.pingSeconds} s for each device, ` +
    `${BEHAVIOUR.deviceShares.map((share, index) => `${share * 100} % with ${index + 1}`).join(", ")} devices; ` +
    `a day is ${PEAK_HOURS_PER_DAY} such hours`,
  `machines are used to ${MACHINES.utilisation * 100} %: nodes of ${MACHINES.nodeCores} cores and ${MACHINES.nodeMemoryGb} GB ` +
    `(one primary, ${MACHINES.nodeCores - 1} workers; one node more than it takes), databases of ${MACHINES.databaseCores} cores, ` +
    `${MACHINES.databaseWalMbPerSecond} MB/s of WAL and ${formatNumber(MACHINES.databaseConnections)} connections, a bus of ${MACHINES.busServers} servers of ${MACHINES.busCores} cores and ${MACHINES.busMemoryGb} GB; ` +
    `a commit waits ${MACHINES.commitLatencyMs} ms for network and disk`,
  "cores are those of the machine that was measured on",
];
