/**
 * `npm run chaos -- --minutes 10 --seed N`: a real server, real clients and browsers, and everything that can be broken,
 * mixed as the seed says. Prints a table; exit code 1 when the delivery contract was broken.
 */
import { parseArgs } from "node:util";
import { browserGuests, ChaosSite } from "./browsers.ts";
import { runHerd } from "./herd.ts";
import { record } from "./record.ts";
import { renderHerd, renderReport, renderStorage } from "./report.ts";
import { runChaos } from "./run.ts";
import { runStorage } from "./storage.ts";

const help = `Usage: npm run chaos -- [options]

  --minutes M         how long things break (10)
  --seed N            decides what breaks when (1)
  --workers N         of the server (4)
  --conversations N   at a time (10)
  --devices N         in each of them, two people's together (4)
  --round S           seconds until the judge speaks and others take over (30)
  --only A,B          these faults only
  --no-browsers       none of the clients is in a browser
  --warm-up M         minutes in haste before, so that caches fill; what a server costs is judged after it
  --pause MS          of each device, from one message to the next (0)
  --limit NAME=VALUE  a limit of the server, as "duologue serve" takes it; may be repeated
  --record            also puts the report into docs/reliability.md
  --herd N            instead: N clients, all cut at once, come back (each takes one open file here and one there)
  --storage N         instead: each fault of the disk N times, with libfiu and a small file system (root, fiu-utils)
`;

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    minutes: text,
    seed: text,
    workers: text,
    conversations: text,
    devices: text,
    round: text,
    only: text,
    limit: { type: "string", multiple: true },
    "warm-up": text,
    pause: text,
    record: { type: "boolean" },
    herd: text,
    storage: text,
    "no-browsers": { type: "boolean" },
    help: { type: "boolean" },
  },
});

type NumberName = Exclude<keyof typeof values, "only" | "limit" | "record" | "no-browsers" | "help">;

function number(name: NumberName, usual: number): number {
  const value = Number(values[name] ?? usual);
  if (!(value >= 0)) throw new RangeError(`--${name}: a number, not ${values[name]}`);
  return value;
}

if (values.help === true) process.stdout.write(help);
else process.exitCode = (await run()) ? 0 : 1;

function run(): Promise<boolean> {
  if (values.storage !== undefined) return storage(number("storage", 1));
  return values.herd === undefined ? mix() : herd(number("herd", 0));
}

async function mix(): Promise<boolean> {
  using site = values["no-browsers"] === true ? undefined : await ChaosSite.build();
  const report = await runChaos({
    ...(site === undefined
      ? {}
      : {
          guests: (world) => browserGuests(site.origin, world.groups, world.proxy.url),
        }),
    serverOptions: [
      ...(site === undefined ? [] : ["--origins", site.origin]),
      ...(values.limit ?? []).flatMap((limit) => ["--limit", limit]),
    ],
    seed: number("seed", 1),
    durationMs: number("minutes", 10) * 60_000,
    ...(values["warm-up"] === undefined ? {} : { warmUpMs: number("warm-up", 0) * 60_000 }),
    pauseMs: number("pause", 0),
    roundMs: number("round", 30) * 1000,
    workers: number("workers", 4),
    conversations: number("conversations", 10),
    devices: number("devices", 4),
    ...(values.only === undefined ? {} : { only: values.only.split(",") }),
    progress,
  });
  const rendered = renderReport(report);
  process.stdout.write(`${rendered}\n`);
  if (values.record === true) await record("--record", rendered);
  return report.violations.length === 0;
}

async function herd(clients: number): Promise<boolean> {
  const report = await runHerd(clients, number("workers", 4));
  process.stdout.write(`${renderHerd(report)}\n`);
  return report.strangers === 0 && report.verdict.violations.length === 0;
}

async function storage(times: number): Promise<boolean> {
  const report = await runStorage(times, progress);
  const rendered = renderStorage(report);
  process.stdout.write(`${rendered}\n`);
  if (values.record === true) await record("--storage N --record", rendered);
  const acknowledged = report.rounds.reduce((sum, round) => sum + (round.acknowledged ?? 0), 0);
  return report.verdict.violations.length + report.damage.length + acknowledged === 0;
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
