export type { ConfigFile } from "./file.ts";
export { type GatheredSources, gatherSources } from "./load.ts";
export { flagName, type Machine, type Option } from "./option.ts";
export {
  type ClassicMode,
  CONFIG_FILE,
  type Config,
  type LogFormat,
  type LogLevel,
  type OptionName,
  optionNames,
  options,
} from "./options.ts";
export { type ConfigSources, type FlagValues, type ParsedConfig, parseConfig, parseOption } from "./parse.ts";
