/** The command line of the benchmarks. */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import type { Settings } from "./benchmarks/context.ts";
import type { ServerName } from "./servers/launch.ts";

/** What one machine does by itself. */
const singleNames = ["relay", "idle", "durable", "storm", "page"] as const;
/** What several do; needs nats-server. */
const clusterNames = ["bare", "nodes", "online", "presence", "scaling"] as const;
export const benchmarkNames = [...singleNames, ...clusterNames] as const;
export type BenchmarkName = (typeof benchmarkNames)[number];

export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string }
  | {
      readonly kind: "run";
      readonly names: readonly BenchmarkName[];
      readonly settings: Settings;
      readonly jsonFile: string | undefined;
      /** Where charts are written to. */
      readonly chartDirectory: string | undefined;
      readonly markdown: boolean;
      /** Whether the reports are put into docs/. */
      readonly isRecorded: boolean;
    };

export const helpText = `Usage: npm run bench -- <name> [options]

Names
  relay     classic protocol, CPU time for each delivered message, against ws and a bare Bun relay
  idle      memory for each idle connection
  durable   v1 messages: committed, acknowledged and delivered
  storm     thousands of users log in at once
  page      the page in a browser, until the first message stands there
  all       all of these, one after the other
  bare      PostgreSQL and NATS alone: what a cluster cannot be cheaper than
  nodes     durable messages through PostgreSQL, over one node and several
  online    users of a cluster who write nothing: login, return, ping, memory
  presence  what it costs that people come and go, with 1,000 to 50,000 simulated users
  scaling   the cost model: what clusters of any size need, from measured runs
  cluster   what several machines cost: bare, nodes, online, presence, scaling

Options
  --runs N            runs of each measurement (3)
  --seconds S         measured time of one run (5)
  --warmup S          time before it that does not count (2)
  --connections N     instead of the benchmark's own number (even)
  --windows A,B       messages in flight for each connection, closed loop
  --rate A,B          messages a second of the open loop (durable, nodes), instead of the benchmark's own
  --workers A,B       of duologue
  --nodes A,B         of a cluster
  --servers A,B       of duologue, ws, bun-relay
  --protocols A,B     of classic, v1 (idle, storm)
  --data DIRECTORY    where duologue's temporary data goes; a real disk, not tmpfs
  --measured FILE     what --json has written, for scaling; those kept with the program unless said
  --json FILE         every run, for programs
  --charts DIRECTORY  where charts are written to, as SVG; nowhere unless said
  --markdown          tables as they stand in docs/
  --record            also puts them into docs/benchmarks.md and docs/scaling.md
  --help
`;

const serverNames = ["duologue", "ws", "bun-relay"] as const satisfies readonly ServerName[];
const protocolNames = ["classic", "v1"] as const;

class ArgumentError extends Error {
  override readonly name = "ArgumentError";
}

/** Never throws: what is wrong is said in the answer. */
export function parseCommand(argv: readonly string[]): Command {
  try {
    return readCommand(argv);
  } catch (error) {
    return { kind: "wrong", problem: error instanceof Error ? error.message : String(error) };
  }
}

function readCommand(argv: readonly string[]): Command {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      runs: text,
      seconds: text,
      warmup: text,
      connections: text,
      windows: text,
      rate: text,
      workers: text,
      servers: text,
      protocols: text,
      data: text,
      nodes: text,
      json: text,
      charts: text,
      measured: text,
      markdown: flag,
      record: flag,
      help: flag,
    },
  });
  if (values.help === true || positionals.length === 0) return { kind: "help" };
  const connections = optional(values.connections, (value) => wholeNumber("--connections", value));
  if (connections !== undefined && connections % 2 === 1) {
    throw new ArgumentError("--connections: they write in pairs, so their number must be even");
  }
  return {
    kind: "run",
    names: positionals.flatMap(benchmarksOf),
    jsonFile: values.json,
    chartDirectory: values.charts,
    markdown: values.markdown === true,
    isRecorded: values.record === true,
    settings: {
      runs: wholeNumber("--runs", values.runs ?? "3"),
      measureMs: wholeNumber("--seconds", values.seconds ?? "5") * 1000,
      warmupMs: wholeNumber("--warmup", values.warmup ?? "2") * 1000,
      connections,
      windows: optional(values.windows, (value) => wholeNumbers("--windows", value)),
      rates: optional(values.rate, (value) => wholeNumbers("--rate", value)),
      nodes: optional(values.nodes, (value) => wholeNumbers("--nodes", value)),
      workers: optional(values.workers, (value) => wholeNumbers("--workers", value)),
      servers: optional(values.servers, (value) => choices("--servers", value, serverNames)),
      protocols: optional(values.protocols, (value) => choices("--protocols", value, protocolNames)),
      dataParent: values.data ?? tmpdir(),
      // What the same run has just measured.
      measuredFile: values.measured ?? (positionals.includes("cluster") ? values.json : undefined),
    },
  };
}

function benchmarksOf(name: string): readonly BenchmarkName[] {
  if (name === "all") return singleNames;
  return name === "cluster" ? clusterNames : choices("name", name, benchmarkNames);
}

function optional<T>(value: string | undefined, read: (value: string) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

function wholeNumber(option: string, value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value))
    throw new ArgumentError(`${option}: a whole number above 0, not ${value}`);
  return Number(value);
}

function wholeNumbers(option: string, value: string): number[] {
  return value.split(",").map((part) => wholeNumber(option, part));
}

function choices<T extends string>(option: string, value: string, known: readonly T[]): T[] {
  return value.split(",").map((part) => {
    const choice = known.find((name) => name === part);
    if (choice === undefined) throw new ArgumentError(`${option}: one of ${known.join(", ")}, not ${part}`);
    return choice;
  });
}
