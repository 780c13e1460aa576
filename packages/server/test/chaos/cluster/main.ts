/**
 * `npm run chaos -- --cluster`: three nodes, PostgreSQL, NATS and clients, each in a network namespace of its own, and
 * everything between them broken in turn. Prints a table; exit code 1 when the delivery contract was broken or a bound
 * missed, 2 for what cannot be run.
 *
 * Two processes: the first lays the network and clears it away, whatever becomes of the second, which stands where the
 * clients are.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "@duologue/testing";
import { record } from "../record.ts";
import { isAbandoned, Network, whyNoNetwork } from "./network.ts";
import { type ClusterOptions, type CommandLine, readCommandLine } from "./options.ts";
import { isKept, renderRows, renderSeeds, type SeedOutcome } from "./report.ts";
import { type ClusterRunOptions, mix, tryAll } from "./run.ts";
import { CLIENTS, HASTY, HOSTS, Site, type SiteOptions } from "./site.ts";
import { shortTroubles, troubles } from "./troubles.ts";

const CANNOT_RUN = 2;
const NETWORK = "DUOLOGUE_CHAOS_NETWORK";

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

const names = troubles.map(({ name }) => name);
process.exitCode = await begin(readCommandLine(process.argv.slice(2), names));

async function begin(line: CommandLine): Promise<number> {
  switch (line.kind) {
    case "help":
      process.stdout.write(line.text);
      return 0;
    case "mistake":
      tell(`${line.line}. "npm run chaos -- --cluster --help" lists what there is.`);
      return CANNOT_RUN;
    case "run": {
      const id = process.env[NETWORK];
      return id === undefined ? await own(line.options) : (await runIn(id, line.options)) ? 0 : 1;
    }
    default:
      return line satisfies never;
  }
}

async function own(options: ClusterOptions): Promise<number> {
  const missing = whyNoNetwork();
  if (missing !== undefined) return notHere(missing, options);
  for (const name of readdirSync(tmpdir()))
    if (isAbandoned(name)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  let network: Network;
  try {
    network = Network.lay(HOSTS);
  } catch (error) {
    // Where the kernel forbids it, as it does to the administrator of many a container.
    return notHere((error as Error).message, options);
  }
  // Everything that is written stands here, so that all of it goes at the end. The database is another user.
  const directory = join(tmpdir(), `duologue-${network.id}-files`);
  mkdirSync(directory, { mode: 0o711 });
  try {
    const child = Bun.spawn(
      [...network.host(CLIENTS).prefix, process.execPath, import.meta.path, ...process.argv.slice(2)],
      {
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...process.env, [NETWORK]: network.id, TMPDIR: directory },
      },
    );
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
    return await child.exited;
  } finally {
    network[Symbol.dispose]();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Who asks for it by hand has failed; in a chain of checks it is said, and what can be tried goes on. */
function notHere(reason: string, { isShort }: ClusterOptions): number {
  tell(`NOT RUN: three nodes cannot be tried here: ${reason}`);
  return isShort ? 0 : CANNOT_RUN;
}

/** Resolves with whether everything was as it must be. */
async function runIn(id: string, options: ClusterOptions): Promise<boolean> {
  const network = Network.join(id, HOSTS);
  const outcomes: SeedOutcome[] = [];
  for (const seed of options.seeds) {
    if (options.isBySeeds) tell(`seed ${seed}`);
    outcomes.push(await runSeed(network, seed, options));
  }
  const rendered = options.isBySeeds
    ? renderSeeds(options.mixture?.minutes ?? 0, outcomes)
    : outcomes.map((outcome) => renderRows(headingOf(outcome, options), outcome)).join("\n\n");
  process.stdout.write(`${rendered}\n`);
  if (options.isRecorded)
    await record(`--cluster ${options.isBySeeds ? "--seeds A-B " : ""}--record`, rendered);
  return outcomes.every(isKept);
}

/** On nodes and a database of its own. */
async function runSeed(network: Network, seed: number, options: ClusterOptions): Promise<SeedOutcome> {
  const { workers, conversations, pauseMs, mixture, rounds } = options;
  const areRulesKept = !options.asksRules || (await askRules({ network, directory: tmpdir(), workers }));
  await using site = await Site.begin({ network, directory: tmpdir(), workers, limits: HASTY });
  tell("three nodes are up");
  const random = new SeededRandom(seed);
  const run: ClusterRunOptions = { conversations, pauseMs, random, progress: tell };
  const all = options.isShort ? shortTroubles : troubles;
  const chosen = all.filter(({ name }) => options.only?.includes(name) ?? true);
  const rows =
    mixture === undefined
      ? await tryAll(site, chosen, rounds, run)
      : await mix(site, chosen, mixture.minutes * 60_000, run);
  return { seed, areRulesKept, rows, doctor: await site.examine() };
}

function headingOf({ seed }: SeedOutcome, { mixture }: ClusterOptions): string {
  return mixture === undefined ? `Each in turn, seed ${seed}` : `Seed ${seed}, ${mixture.minutes} min mixed`;
}

/** The wire suite in a process of its own, in this network, on nodes with the usual limits; its users go to them in turn. */
async function askRules(options: SiteOptions): Promise<boolean> {
  await using site = await Site.begin(options);
  const suite = new URL("wire-suite.ts", import.meta.url).pathname;
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      "--timeout=60000",
      "--only-failures",
      "--concurrent",
      "--max-concurrency=6",
      suite,
    ],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, DUOLOGUE_WIRE_URLS: site.nodes.map(({ url }) => url).join(",") },
    },
  );
  return (await child.exited) === 0;
}
