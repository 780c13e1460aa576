/** Finds the configuration file and reads it. The only part of the configuration that touches the disk. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ConfigFile } from "./file.ts";
import type { Machine } from "./option.ts";
import { CONFIG_FILE, options } from "./options.ts";
import type { ConfigSources, FlagValues } from "./parse.ts";

export type GatheredSources =
  | { readonly ok: true; readonly sources: ConfigSources }
  | { readonly ok: false; readonly problems: readonly string[] };

/** A file that was asked for must be there; `duologue.toml` in the working directory may be. */
export function gatherSources(
  flags: FlagValues,
  environment: ConfigSources["environment"],
  machine: Machine,
): GatheredSources {
  const { place, path } = chooseFile(flags, environment);
  try {
    const file = readConfigFile(resolve(machine.workingDirectory, path), place !== undefined);
    return { ok: true, sources: { flags, environment, file, machine } };
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const reason = reasons[code] ?? message;
    return {
      ok: false,
      problems: [`${place ?? CONFIG_FILE}: expected a file that can be read, got ${path} (${reason})`],
    };
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is none",
  EACCES: "no permission",
  EISDIR: "a directory",
  ENOTDIR: "there is none",
};

/** `place` is undefined when nobody asked for a file. */
function chooseFile(
  flags: FlagValues,
  environment: ConfigSources["environment"],
): { readonly place: string | undefined; readonly path: string } {
  const flag = flags.config?.at(-1);
  if (flag !== undefined) return { place: "--config", path: flag };
  const name = options.config.environment;
  const variable = environment[name];
  return variable ? { place: name, path: variable } : { place: undefined, path: join(".", CONFIG_FILE) };
}

function readConfigFile(path: string, isRequired: boolean): ConfigFile | undefined {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (error) {
    if (!isRequired && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
