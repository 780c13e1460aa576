/**
 * `npm run chaos -- --cluster`: three nodes, PostgreSQL, NATS and clients, each in a network namespace of its own, and
 * everything between them broken in turn. Prints a table; exit code 1 when the delivery contract, or a bound, was broken.
 *
 * Two processes: the first lays the network and clears it away, whatever becomes of the second, which stands where the
 * clients are.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@duologue/testing";
import { record } from "../record.ts";
import { isAbandoned, Network, whyNoNetwork } from "./network.ts";
import { renderRows } from "./report.ts";
import { type ClusterRunOptions, mix, type Row, tryAll } from "./run.ts";
import { CLIENTS, HOSTS, Site } from "./site.ts";
import { shortTroubles, troubles } from "./troubles.ts";

const NETWORK = "DUOLOGUE_CHAOS_NETWORK";

const help = `Usage: npm run chaos -- --cluster [options]

  --only A,B          these troubles only
  --rounds N          each of them so often (1)
  --minutes M         instead of each in turn: a mixture, as long as this
  --seed N            decides which node, and what comes in a mixture (1)
  --workers N         of each node (2)
  --conversations N   at a time, of four devices on three nodes (6)
  --pause MS          of each device that writes, from one message to the next (50)
  --ci                few of them, and short
  --record            also puts the report into docs/reliability.md
  --wire              first the rules of the protocol, asked of all nodes in turn

Needs Linux, root, and the Debian packages iproute2, iptables, util-linux and nats-server.
`;

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    cluster: { type: "boolean" },
    only: text,
    rounds: text,
    minutes: text,
    seed: text,
    workers: text,
    conversations: text,
    pause: text,
    ci: { type: "boolean" },
    record: { type: "boolean" },
    wire: { type: "boolean" },
    help: { type: "boolean" },
  },
});

function number(
  name: "rounds" | "minutes" | "seed" | "workers" | "conversations" | "pause",
  usual: number,
): number {
  const value = Number(values[name] ?? usual);
  if (!(value >= 0)) throw new RangeError(`--${name}: a number, not ${values[name]}`);
  return value;
}

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

if (values.help === true) process.stdout.write(help);
else {
  const id = process.env[NETWORK];
  process.exitCode = id === undefined ? await own() : (await runIn(id)) ? 0 : 1;
}

async function own(): Promise<number> {
  const missing = whyNoNetwork();
  if (missing !== undefined) return notHere(missing);
  for (const name of readdirSync(tmpdir()))
    if (isAbandoned(name)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  let network: Network;
  try {
    network = Network.lay(HOSTS);
  } catch (error) {
    // Where the kernel forbids it, as it does to the administrator of many a container.
    return notHere((error as Error).message);
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
function notHere(reason: string): number {
  tell(`NOT RUN: three nodes cannot be tried here: ${reason}`);
  return values.ci === true ? 0 : 1;
}

async function runIn(id: string): Promise<boolean> {
  const network = Network.join(id, HOSTS);
  await using site = await Site.begin({ network, directory: tmpdir(), workers: number("workers", 2) });
  tell("three nodes are up");
  const seed = number("seed", 1);
  const options: ClusterRunOptions = {
    conversations: number("conversations", 6),
    pauseMs: number("pause", 50),
    random: new SeededRandom(seed),
    progress: tell,
  };
  const wireFailed = values.wire === true && !(await askRules(site));
  const [heading, rows] = await trials(site, seed, options);
  const { isSound, said } = await site.examine();
  const rendered = [renderRows(heading, rows), `\`duologue doctor\` at the end: ${said.join(" ")}`].join(
    "\n\n",
  );
  process.stdout.write(`${rendered}\n`);
  if (values.record === true) await record("--cluster --record", rendered);
  const isKept = rows.every(({ findings }) =>
    findings.every(({ verdict }) => verdict.violations.length === 0),
  );
  return !wireFailed && isSound && isKept;
}

async function trials(site: Site, seed: number, options: ClusterRunOptions): Promise<[string, Row[]]> {
  if (values.minutes !== undefined) {
    const minutes = number("minutes", 1);
    return [`Seed ${seed}, ${minutes} minutes mixed`, await mix(site, minutes * 60_000, options)];
  }
  const all = values.ci === true ? shortTroubles : troubles;
  const names = values.only?.split(",") ?? all.map(({ name }) => name);
  const chosen = all.filter(({ name }) => names.includes(name));
  return [`Each in turn, seed ${seed}`, await tryAll(site, chosen, number("rounds", 1), options)];
}

/** The wire suite in a process of its own, in this network; its users go to the nodes in turn, and bother nobody else. */
async function askRules(site: Site): Promise<boolean> {
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
