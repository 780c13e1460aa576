/** Flags, environment and configuration file, made into one configuration, or into all that is wrong with them. */
import { findClusterProblems } from "./cluster.ts";
import { type ConfigFile, type FileEntries, readFileEntries } from "./file.ts";
import { findHostLoginProblems } from "./host-login.ts";
import { type Entry, flagName, type Machine, type Option, type Report } from "./option.ts";
import { type Config, type OptionName, optionNames, options } from "./options.ts";
import { suggestion } from "./suggest.ts";

/** What stood on the command line: for each option, the arguments it was given, in order. */
export type FlagValues = Partial<Readonly<Record<OptionName, readonly string[]>>>;

export interface ConfigSources {
  readonly flags: FlagValues;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
  readonly machine: Machine;
}

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * A flag wins over the environment, that over the file, that over the default; limits are combined one by one in the
 * same order. Every source is checked, also where another one wins. An empty variable of the environment counts as
 * not set.
 */
export function parseConfig(sources: ConfigSources): ParsedConfig {
  const problems: string[] = [];
  const report: Report = (problem) => problems.push(problem);
  const file = sources.file === undefined ? {} : readFileEntries(sources.file, report);
  checkEnvironment(sources.environment, report);
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const name of optionNames) values[name] = readOption(name, sources, file, report);
  if (problems.length > 0) return { ok: false, problems };
  const config = { ...values, config: sources.file?.path } as unknown as Config;
  const conflicts = [...findClusterProblems(config), ...findHostLoginProblems(config)];
  if (conflicts.length > 0) return { ok: false, problems: conflicts };
  return { ok: true, config: Object.freeze(config) };
}

/** One option alone: a command that asks a running server needs no more, whatever else is wrong. */
export function parseOption<Name extends OptionName>(
  name: Name,
  sources: ConfigSources,
):
  | { readonly ok: true; readonly value: Config[Name] }
  | { readonly ok: false; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const report: Report = (problem) => problems.push(problem);
  const isSetElsewhere =
    sources.flags[name] !== undefined || Boolean(sources.environment[options[name].environment]);
  const file =
    sources.file === undefined || isSetElsewhere ? {} : readFileEntries(sources.file, report, name);
  const value = readOption(name, sources, file, report);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: value as Config[Name] };
}

function readOption(name: OptionName, sources: ConfigSources, file: FileEntries, report: Report): unknown {
  const option: Option<unknown> = options[name];
  const { machine, flags, environment } = sources;
  const layers = [
    file[name],
    environmentEntries(option, environment, machine),
    flagEntries(option, flags[name], machine),
  ].filter((entries) => entries !== undefined);
  if (layers.length === 0) return option.defaultValue(machine);
  if (option.takes === "layers") return option.read(layers.flat(), report, machine);
  return layers.map((entries) => option.read(entries, report, machine)).at(-1);
}

function flagEntries(
  option: Option<unknown>,
  texts: readonly string[] | undefined,
  machine: Machine,
): readonly Entry[] | undefined {
  if (texts === undefined || option.flag === undefined) return undefined;
  const directory = machine.workingDirectory;
  const words = option.takes === "one" ? texts.slice(-1) : texts.flatMap(splitList);
  return words.map((text) => ({ text, place: flagName(option), directory }));
}

function environmentEntries(
  option: Option<unknown>,
  environment: ConfigSources["environment"],
  machine: Machine,
): readonly Entry[] | undefined {
  const text = environment[option.environment];
  if (text === undefined || text === "") return undefined;
  const words = option.takes === "one" ? [text] : splitList(text);
  return words.map((word) => ({
    text: word,
    place: option.environment,
    directory: machine.workingDirectory,
  }));
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** Variables with our prefix may be somebody else's (Kubernetes makes DUOLOGUE_SERVICE_HOST), but not misspelt ones. */
function checkEnvironment(environment: ConfigSources["environment"], report: Report): void {
  const known = optionNames.map((name) => options[name].environment);
  for (const name of Object.keys(environment)) {
    if (!name.startsWith("DUOLOGUE_") || (known as readonly string[]).includes(name)) continue;
    const nearest = suggestion(name, known);
    if (nearest !== "") report(`${name}: expected the name of an option${nearest}`);
  }
}
