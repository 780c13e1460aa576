/** The way to the other nodes of a cluster, from the configuration. Each failure is a StartError, one line for people. */
import { readFileSync } from "node:fs";
import { BusError, type BusFault } from "../bus/nats/connection.ts";
import { NatsLink } from "../bus/nats/nats-link.ts";
import { checkRights } from "../bus/nats/rights.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/index.ts";
import type { Logger } from "../log.ts";
import { StartError } from "./start-up.ts";

/** What stands in the way, for the doctor's advice. */
export class BusStartError extends StartError {
  constructor(
    readonly fault: BusFault,
    message: string,
  ) {
    super(message);
  }
}

/** `realm`: whose data it is; nodes of other data do not hear each other. Undefined: this is the only node. */
export async function openBus(
  { bus, busCredentials, busCa }: Pick<Config, "bus" | "busCredentials" | "busCa">,
  realm: string,
  clock: Clock,
  log: Logger,
): Promise<NatsLink | undefined> {
  if (bus.kind === "local") return undefined;
  const access = {
    urls: bus.urls,
    credentials: readText("bus-credentials", busCredentials),
    ca: readText("bus-ca", busCa),
  };
  try {
    await checkRights(access, realm, clock);
    const link = await NatsLink.connect({ access, realm, clock, log });
    log.info({ address: link.address, node: link.node }, "the bus is there");
    return link;
  } catch (error) {
    if (error instanceof BusError) throw new BusStartError(error.fault, `The bus ${error.message}.`);
    throw error;
  }
}

function readText(option: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`${option}: ${path} cannot be read (${code ?? message}).`);
  }
}
