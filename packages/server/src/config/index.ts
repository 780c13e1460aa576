export { findClusterFileProblems } from "./cluster-files.ts";
export { MIN_SECRET_BYTES } from "./host-login.ts";
export { gatherSources } from "./load.ts";
export type { Machine, Option } from "./option.ts";
export {
  CONFIG_FILE,
  type Config,
  type LogFormat,
  type LogLevel,
  type OptionName,
  optionNames,
  options,
} from "./options.ts";
export { type ConfigSources, type FlagValues, parseConfig, parseOption } from "./parse.ts";
export { suggestion } from "./suggest.ts";
