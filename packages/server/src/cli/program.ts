/** The command line, made from the table of options. */
import { availableParallelism } from "node:os";
import { Command, CommanderError, Option } from "commander";
import {
  type Config,
  type FlagValues,
  findClusterFileProblems,
  gatherSources,
  type Machine,
  type OptionName,
  optionNames,
  options,
  parseConfig,
  parseOption,
  suggestion,
} from "../config/index.ts";
import type { ControlRequest } from "../link/control-types.ts";
import { version } from "../version.ts";
import { type Ask, runAsk } from "./ask.ts";
import { type Console, type ExitCode, exitCodes, printProblems } from "./console.ts";
import { runMigrate } from "./migrate.ts";
import { runServe } from "./serve.ts";
import { runToken, type TokenWishes } from "./token.ts";
import { runBackup, runDoctor, runRestore } from "./upkeep.ts";

/** What the commands get from outside. */
export interface ProgramContext {
  readonly console: Console;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly machine: Machine;
  readonly serve: typeof runServe;
  readonly ask: Ask;
}

export function systemContext(console: Console): ProgramContext {
  return {
    console,
    environment: process.env,
    machine: {
      platform: process.platform,
      cores: availableParallelism(),
      workingDirectory: process.cwd(),
    },
    serve: runServe,
    async *ask(dataDirectory, request) {
      const { askPrimary } = await import("../link/control.ts");
      yield* askPrimary(dataDirectory, request);
    },
  };
}

/** `words`: without the program's own name. Resolves with the exit code when the command has ended. */
export async function runProgram(words: readonly string[], context: ProgramContext): Promise<ExitCode> {
  const outcome: { exitCode: ExitCode } = { exitCode: exitCodes.done };
  const program = makeProgram(context, (exitCode) => {
    outcome.exitCode = exitCode;
  });
  const [first = "-"] = words;
  const commands = [...program.commands.map((command) => command.name()), "help"];
  if (!first.startsWith("-") && !commands.includes(first)) {
    // Otherwise it would be an argument too many of the default command.
    const advice = suggestion(first, commands) || `; there are: ${commands.join(", ")}`;
    context.console.error(`error: there is no command "${first}"${advice}\n`);
    return exitCodes.misused;
  }
  try {
    await program.parseAsync(words, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end this way too, with 0.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.misused;
  }
}

export interface CommandFacts {
  readonly usage: string;
  readonly description: string;
}

/** For the documentation: each command as its own help says it. */
export function listCommands(): readonly CommandFacts[] {
  const program = makeProgram(
    systemContext({ out: () => undefined, error: () => undefined }),
    () => undefined,
  );
  return program.commands.map((command) => {
    return {
      usage: `${program.name()} ${command.name()} ${command.usage()}`,
      description: command.description(),
    };
  });
}

type Finish = (exitCode: ExitCode) => void;

function makeProgram(context: ProgramContext, finish: Finish): Command {
  const { console } = context;
  const program = new Command("duologue")
    .description("Self-hosted one-to-one chat.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help, also for one command: duologue serve --help")
    .exitOverride()
    .configureOutput({ writeOut: (text) => console.out(text), writeErr: (text) => console.error(text) });
  const serve = addOptions(program.command("serve", { isDefault: true }), optionNames)
    .description("run the server; the default command")
    .action(async (flags: FlagValues) => finish(await serveCommand(flags, context)));
  addTokenCommand(program, context, finish);
  addUpkeepCommands(program, context, finish);
  const asking: readonly (readonly [ControlRequest["type"], string])[] = [
    ["status", "show the running server, its workers and its store"],
    ["reload", "replace the workers one by one, without losing a message"],
    ["stop", "stop the running server and wait until it has ended"],
  ];
  for (const [type, description] of asking) {
    const command = addOptions(program.command(type), ["data", "config"]).description(description);
    if (type === "status") command.option("--json", "print JSON");
    command.action(async ({ json, ...flags }: FlagValues & { readonly json?: true }) =>
      finish(await askCommand(type, flags, json === true, context)),
    );
  }
  program.addHelpText("after", () => `\n${serveHelp(serve)}`);
  return program;
}

function addTokenCommand(program: Command, context: ProgramContext, finish: Finish): void {
  addOptions(program.command("token"), ["hostSecretFile", "hostJwks", "hostIssuer", "hostAudience", "config"])
    .description("print a token of host login, for trying out")
    .option("--sub <id>", "whom it is for, as the site names them")
    .option("--name <name>", "the name that others see")
    .option("--expires <duration>", "30s, 15m or 1h; at most 24h", "1h")
    .option(
      "--peer <sub=name>",
      "somebody else of the site whom it makes known; may be given again",
      collect,
      [],
    )
    .action(async ({ sub, name, expires, peer, ...flags }: FlagValues & TokenWishes) =>
      finish(await tokenCommand(flags, { sub, name, expires, peer }, context)),
    );
}

function addUpkeepCommands(program: Command, context: ProgramContext, finish: Finish): void {
  const { console } = context;
  addOptions(program.command("backup"), ["data", "store", "config"])
    .description("copy all data into one file, also while the server runs")
    .argument("<file>", "the file to be made")
    .option("--force", "replace the file if it is there")
    .action(async (file: string, { force, ...flags }: FlagValues & { readonly force?: true }) =>
      finish(
        await withFiles(flags, context, (data) => runBackup(data, { file, force: force === true }, console)),
      ),
    );
  addOptions(program.command("restore"), ["data", "store", "config"])
    .description("put a back-up in the place of the data; the old data is kept beside it")
    .argument("<file>", "a file that backup made")
    .action(async (file: string, flags: FlagValues) =>
      finish(await withFiles(flags, context, (data) => runRestore(data, file, console))),
    );
  addOptions(program.command("migrate"), ["storeCa", "config"])
    .description(
      "copy all data into PostgreSQL, also while the server runs; run again, it adds what has changed",
    )
    .option("--from <directory>", "the data directory that is copied (default: the server's; DUOLOGUE_DATA)")
    .option(
      "--to <address>",
      "postgres://user:password@host:5432/database; with a password better by DUOLOGUE_STORE, where no list of processes shows it",
    )
    .action(async (flags: MigrateFlags) => finish(await migrateCommand(flags, context)));
  const served = optionNames.filter((name) => options[name].flag !== undefined);
  addOptions(program.command("doctor"), served)
    .description("check data, configuration, versions, port and limits, and say what to do")
    .action(async (flags: FlagValues) => finish(await doctorCommand(flags, context)));
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** The default command's options stand in the general help too. */
function serveHelp(serve: Command): string {
  const help = serve.helpInformation();
  return help.slice(help.indexOf("Options:")).replace("Options:", "Options of serve:");
}

function addOptions(command: Command, names: readonly OptionName[]): Command {
  for (const name of names) {
    const option = options[name];
    if (option.flag === undefined) continue;
    const description = `${option.description} (default: ${option.defaultText}; ${option.environment})`;
    const flag = new Option(option.flag, description)
      .argParser((text: string, previous: readonly string[] | undefined) => [...(previous ?? []), text])
      .default(undefined);
    // Commander would derive `limit` from --limit.
    flag.attributeName = () => name;
    command.addOption(flag);
  }
  return command.helpOption("-h, --help", "print this help");
}

function serveCommand(flags: FlagValues, context: ProgramContext): Promise<ExitCode> {
  return withConfig(flags, context, async (config) => {
    const problems = findClusterFileProblems(config);
    return problems.length > 0
      ? printProblems(context.console, problems)
      : context.serve(config, context.console);
  });
}

function tokenCommand(flags: FlagValues, wishes: TokenWishes, context: ProgramContext): Promise<ExitCode> {
  return withConfig(flags, context, (config) => runToken(config, wishes, context.console));
}

async function withConfig(
  flags: FlagValues,
  { console, environment, machine }: ProgramContext,
  run: (config: Config) => Promise<ExitCode>,
): Promise<ExitCode> {
  const gathered = gatherSources(flags, environment, machine);
  if (!gathered.ok) return printProblems(console, gathered.problems);
  const parsed = parseConfig(gathered.sources);
  return parsed.ok ? run(parsed.config) : printProblems(console, parsed.problems);
}

async function withData(
  flags: FlagValues,
  { console, environment, machine }: ProgramContext,
  run: (dataDirectory: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const gathered = gatherSources(flags, environment, machine);
  if (!gathered.ok) return printProblems(console, gathered.problems);
  const data = parseOption("data", gathered.sources);
  return data.ok ? run(data.value) : printProblems(console, data.problems);
}

/** For what is done to the files of the data directory, where they are the store. */
function withFiles(
  flags: FlagValues,
  context: ProgramContext,
  run: (dataDirectory: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { console, environment, machine } = context;
  return withData(flags, context, async (dataDirectory) => {
    // Whoever names it means it, also where the server's store is elsewhere by now.
    if (flags.data !== undefined && flags.store === undefined) return run(dataDirectory);
    const gathered = gatherSources(flags, environment, machine);
    if (!gathered.ok) return printProblems(console, gathered.problems);
    const store = parseOption("store", gathered.sources);
    if (!store.ok) return printProblems(console, store.problems);
    if (store.value.kind === "embedded") return run(dataDirectory);
    console.error(
      "duologue: The data is in PostgreSQL: back it up with pg_dump, and restore it with pg_restore; or name a data directory with --data.\n",
    );
    return exitCodes.failed;
  });
}

type MigrateFlags = FlagValues & { readonly from?: string; readonly to?: string };

/** Where from and where to are options of the server under names that say which is which. */
async function migrateCommand(
  { from, to, ...others }: MigrateFlags,
  { console, environment, machine }: ProgramContext,
): Promise<ExitCode> {
  const flags = {
    ...others,
    ...(from === undefined ? {} : { data: [from] }),
    ...(to === undefined ? {} : { store: [to] }),
  };
  const gathered = gatherSources(flags, environment, machine);
  if (!gathered.ok) return printProblems(console, gathered.problems);
  const { sources } = gathered;
  const data = parseOption("data", sources);
  const store = parseOption("store", sources);
  const ca = parseOption("storeCa", sources);
  if (!data.ok || !store.ok || !ca.ok) {
    const problems = [data, store, ca].flatMap((parsed) => (parsed.ok ? [] : parsed.problems));
    return printProblems(console, problems.map(inWordsOfMigrate));
  }
  if (store.value.kind === "embedded")
    return printProblems(console, [
      "--to: expected where to copy, as postgres://user:password@host:5432/database here or in DUOLOGUE_STORE, got the embedded store",
    ]);
  const files = findClusterFileProblems({
    storeCa: ca.value,
    busCa: undefined,
    busCredentials: undefined,
  });
  if (files.length > 0) return printProblems(console, files);
  const isTerminal = process.stderr.isTTY === true;
  return runMigrate({ from: data.value, to: store.value.url, ca: ca.value, isTerminal }, console);
}

/** Under the names that these options have there; the embedded store is where the data come from. */
function inWordsOfMigrate(problem: string): string {
  return problem
    .replace(/^--data:/, "--from:")
    .replace(/^--store:/, "--to:")
    .replace("expected embedded, or an address", "expected an address");
}

/** A configuration that is wrong is a finding like others: the rest is looked at all the same. */
async function doctorCommand(flags: FlagValues, context: ProgramContext): Promise<ExitCode> {
  const { console, environment, machine } = context;
  const gathered = gatherSources(flags, environment, machine);
  const sources = gathered.ok ? gathered.sources : { flags, environment, machine, file: undefined };
  const data = parseOption("data", sources);
  if (!data.ok) return printProblems(console, data.problems);
  const parsed = parseConfig(sources);
  const problems = [
    ...(gathered.ok ? [] : gathered.problems),
    ...(parsed.ok ? findClusterFileProblems(parsed.config) : parsed.problems),
  ];
  const config = parsed.ok ? parsed.config : undefined;
  return runDoctor({ dataDirectory: data.value, config, problems }, console);
}

async function askCommand(
  type: ControlRequest["type"],
  flags: FlagValues,
  asJson: boolean,
  context: ProgramContext,
): Promise<ExitCode> {
  return withData(flags, context, (dataDirectory) =>
    runAsk(context.ask, context.console, { request: { type }, dataDirectory, asJson }),
  );
}
