/** Runs one seed in a process of its own, and says how it went. */
import { runSeed } from "../src/run.ts";

const { hash, steps, messages, repeats, violations } = await runSeed(Number(process.argv[2]));
process.stdout.write(JSON.stringify({ hash, steps, messages, repeats, violations }));
