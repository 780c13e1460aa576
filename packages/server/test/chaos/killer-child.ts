/**
 * Kills a process (SIGKILL) while it writes to a file: a given time after the first write that it sees. In a process of its
 * own, so that nothing else keeps it from being quick. Arguments: the process, the file, microseconds.
 */
import { watch } from "node:fs";
import { systemClock } from "../../src/clock.ts";

const [pid = "", path = "", delayUs = ""] = process.argv.slice(2);

watch(path, () => {
  const killAt = systemClock.monotonic() + Number(delayUs) / 1_000;
  // A timer would be a millisecond late, which is longer than a transaction may take.
  while (systemClock.monotonic() < killAt);
  process.kill(Number(pid), "SIGKILL");
  process.exit(0);
});
