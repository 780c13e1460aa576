/** The command line, made from the table of options. */
import { availableParallelism } from "node:os";
import { Command, CommanderError, Option } from "commander";
import {
  type Config,
  type FlagValues,
  gatherSources,
  type Machine,
  type OptionName,
  optionNames,
  options,
  parseConfig,
  parseOption,
} from "../config/index.ts";
import type { ControlRequest } from "../link/control-types.ts";
import { version } from "../version.ts";
import { type Ask, runAsk } from "./ask.ts";
import { type Console, type ExitCode, exitCodes, printProblems } from "./console.ts";
import { runServe } from "./serve.ts";
import { runToken, type TokenWishes } from "./token.ts";

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
  try {
    await program.parseAsync(words, { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end this way too, with 0.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.misused;
  }
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
  return withConfig(flags, context, (config) => context.serve(config, context.console));
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

async function askCommand(
  type: ControlRequest["type"],
  flags: FlagValues,
  asJson: boolean,
  context: ProgramContext,
): Promise<ExitCode> {
  const gathered = gatherSources(flags, context.environment, context.machine);
  if (!gathered.ok) return printProblems(context.console, gathered.problems);
  const data = parseOption("data", gathered.sources);
  if (!data.ok) return printProblems(context.console, data.problems);
  return runAsk(context.ask, context.console, { request: { type }, dataDirectory: data.value, asJson });
}
