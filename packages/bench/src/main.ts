/** `npm run bench -- <name>`: runs benchmarks, prints their reports. */
import { join } from "node:path";
import { type BenchmarkName, type Command, helpText, parseCommand } from "./arguments.ts";
import { benchBare } from "./benchmarks/bare.ts";
import type { BenchContext } from "./benchmarks/context.ts";
import { benchDurable } from "./benchmarks/durable.ts";
import { benchIdle } from "./benchmarks/idle.ts";
import { benchNodes } from "./benchmarks/nodes.ts";
import { benchOnline } from "./benchmarks/online.ts";
import { benchPage } from "./benchmarks/page.ts";
import { benchPresence } from "./benchmarks/presence.ts";
import { benchRelay } from "./benchmarks/relay.ts";
import { benchScaling } from "./benchmarks/scaling.ts";
import { benchStorm } from "./benchmarks/storm.ts";
import { systemClock } from "./clock.ts";
import { renderChart } from "./report/chart.ts";
import { recordReport } from "./report/record.ts";
import { renderMarkdown, renderText } from "./report/render.ts";
import type { Report } from "./report/report.ts";
import { Children } from "./servers/children.ts";

function runBenchmark(name: BenchmarkName, context: BenchContext): Promise<Report> {
  switch (name) {
    case "relay":
      return benchRelay(context);
    case "idle":
      return benchIdle(context);
    case "durable":
      return benchDurable(context);
    case "storm":
      return benchStorm(context);
    case "page":
      return benchPage(context);
    case "bare":
      return benchBare(context);
    case "nodes":
      return benchNodes(context);
    case "online":
      return benchOnline(context);
    case "presence":
      return benchPresence(context);
    case "scaling":
      return benchScaling(context);
  }
}

async function writeCharts({ charts = [] }: Report, directory: string | undefined): Promise<void> {
  if (directory === undefined) return;
  for (const chart of charts) await Bun.write(join(directory, `${chart.name}.svg`), renderChart(chart));
}

async function runAll(command: Extract<Command, { kind: "run" }>): Promise<void> {
  const children = new Children(systemClock);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      void children.killAll().finally(() => process.exit(130));
    });
  }
  const reports: Report[] = [];
  for (const name of command.names) {
    const report = await runBenchmark(name, {
      clock: systemClock,
      children,
      settings: command.settings,
      progress: (line) => process.stderr.write(`${name}: ${line}\n`),
    });
    reports.push(report);
    process.stdout.write(command.markdown ? renderMarkdown(report) : renderText(report));
    await writeCharts(report, command.chartDirectory);
    if (command.isRecorded) await recordReport(name, report);
    // After each benchmark, so that a later one that fails costs nothing.
    if (command.jsonFile !== undefined)
      await Bun.write(command.jsonFile, `${JSON.stringify(reports, null, 2)}\n`);
  }
}

const command = parseCommand(process.argv.slice(2));
switch (command.kind) {
  case "help":
    process.stdout.write(helpText);
    break;
  case "wrong":
    process.stderr.write(`${command.problem}\n\n${helpText}`);
    process.exitCode = 2;
    break;
  case "run":
    try {
      await runAll(command);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
    break;
}
