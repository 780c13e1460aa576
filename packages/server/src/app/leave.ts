/** How a worker leaves: with its clients sent away, and nothing unanswered that can be answered. */
import type { Gateway } from "../gateway/context.ts";
import type { ClientServer } from "../gateway/server.ts";
import type { PrimaryLink } from "../link/client.ts";

/** How long answers are waited for, and over how long the clients are sent away. */
const DRAIN_MS = 1_500;
const CLOSES_PER_STEP = 500;
const STEP_MS = 20;
/** From the end of the link to the worker's own: the closes go out meanwhile. */
export const EXIT_MS = 200;

export interface Leaving {
  readonly gateway: Gateway;
  readonly server: Pick<ClientServer, "stopListening">;
  readonly link: PrimaryLink;
  /** While another worker already gets all new connections: for those that were on their way to this one. */
  readonly takeoverMs: number;
}

/** Takes no new clients, waits for the answers that are under way, then sends the clients away in steps. */
export async function drain({ gateway, server, link, takeoverMs }: Leaving): Promise<void> {
  const { clock } = gateway;
  if (takeoverMs > 0) await new Promise<void>((resolve) => void clock.after(takeoverMs, resolve));
  server.stopListening();
  const deadline = clock.monotonic() + DRAIN_MS;
  const step = (): Promise<void> => new Promise((resolve) => void clock.after(STEP_MS, resolve));
  while (link.pending > 0 && clock.monotonic() < deadline) await step();
  while (gateway.connections.open.size > 0 && clock.monotonic() < deadline + DRAIN_MS) {
    let count = 0;
    for (const connection of gateway.connections.open) {
      if (count++ === CLOSES_PER_STEP) break;
      connection.close("server_stopping");
    }
    await step();
  }
  link.flush();
}

export function closeAll(gateway: Gateway, name: "server_stopping" | "lost_bus"): void {
  for (const connection of gateway.connections.open) connection.close(name);
}
