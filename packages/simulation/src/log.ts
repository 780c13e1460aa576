/** A log where an error is a violation: nothing that a simulated fault brings about may surprise the real code. */
import type { LogFields, Logger } from "duologue";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

/** What the server says of faults that strike it from outside. */
const RIGHTLY_SAID =
  /^(worker died|worker gives no sign; killing it|worker did not begin in time|not ready(: | for ).*)$/;

export function watchfulLog(world: World, life: Life): Logger {
  const ignore = (): void => undefined;
  const error = (first: LogFields | string, message?: string): void => {
    if (life.isOver || RIGHTLY_SAID.test(message ?? "")) return;
    const cause = typeof first === "string" ? undefined : first.error;
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    world.violate(`${life.name} logged an error: ${message ?? String(first)}: ${why}`);
  };
  return { debug: ignore, info: ignore, warn: ignore, error };
}
