import type { Clock } from "../clock.ts";

const EPOCH_CHARACTERS = 10;

/** A name for a body of data that is made now. */
export function makeEpoch(clock: Pick<Clock, "random">): string {
  let epoch = "";
  while (epoch.length < EPOCH_CHARACTERS) epoch += Math.floor(clock.random() * 36).toString(36);
  return epoch;
}
