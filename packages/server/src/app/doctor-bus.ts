/** The doctor's look at the bus of a cluster. */
import type { BusFault } from "../bus/nats/connection.ts";
import { systemClock } from "../clock.ts";
import { type Config, findClusterFileProblems } from "../config/index.ts";
import type { ClusterStatus } from "../link/control-types.ts";
import { createLogger } from "../log.ts";
import { BusStartError, openBus } from "./bus.ts";
import { type Finding, fine, worth, wrong } from "./findings.ts";

const advice: Readonly<Record<BusFault, string>> = {
  away: "Start it, or correct --bus",
  silent: "See that --bus names NATS's own port, and that nothing between takes its packets",
  credentials: "Correct the user and password or token in DUOLOGUE_BUS, or --bus-credentials",
  encryption:
    "Name by --bus-ca the certificate that the server's is signed with, and the server as its certificate does; without TLS there, write nats://",
  rights: "Allow the user to publish and subscribe duologue.> (permissions of NATS)",
};

/** By entering it, as a node would, and by what a running server knows of the others. */
export async function* examineBus(
  config: Config,
  cluster: ClusterStatus | undefined,
): AsyncGenerator<Finding> {
  // Said where the configuration was looked at.
  if (config.bus.kind === "local" || findClusterFileProblems(config).length > 0) return;
  const log = createLogger({ level: "silent", format: "json", name: "doctor" });
  try {
    const link = await openBus(config, "doctor", systemClock, log);
    link?.close();
    yield fine(`bus: ${link?.address} lets this machine in, and lets it speak`);
  } catch (error) {
    if (!(error instanceof BusStartError)) throw error;
    yield wrong(
      `bus: ${error.message}`,
      `${advice[error.fault]}; \`duologue serve\` will not begin without it.`,
    );
  }
  if (cluster?.isCrowded === true)
    yield worth(
      `cluster: there are more than the ${cluster.others.length} other nodes that one node hears`,
      "Run fewer and larger nodes: of the users of the others nobody here hears that they come and go.",
    );
}
