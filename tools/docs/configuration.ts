/** docs/configuration.md: the server's options, as the code has them. */

import { listCommands } from "../../packages/server/src/cli/program.ts";
import { CONFIG_FILE, type Option, optionNames, options } from "../../packages/server/src/config/index.ts";
import { code, GENERATED, table } from "./markdown.ts";

export function configurationPage(): string {
  return [
    "# Configuration",
    GENERATED,
    `Everything has a default: \`npm start\` alone runs a server. Each option can be given as a flag, as a variable of the environment or in a configuration file (TOML): ${code(CONFIG_FILE)} in the working directory if there is one, or the file that \`--config\` names. A flag wins over the environment, the environment over the file, the file over the default; limits are combined one by one in the same order. When something is wrong, the server does not start and tells all faults at once. An empty variable counts as not set.`,
    table(
      ["Flag", "Environment", "In the file", "Default", "Meaning"],
      optionNames.map((name) => {
        const option: Option<unknown> = options[name];
        return [
          option.flag === undefined ? "–" : code(option.flag),
          code(option.environment),
          option.key === undefined ? "–" : `${code(option.key)}, ${fileForms[option.fileType]}`,
          option.defaultText,
          option.description,
        ];
      }),
    ),
    "Flags with a list take several values with commas between them, and may be repeated; so do the variables, with commas. Relative paths in the file are relative to the file's folder, others to the working directory.",
    "## Example",
    `\`\`\`toml\n${EXAMPLE}\`\`\``,
    "## Commands",
    table(
      ["Command", "What it does"],
      listCommands().map(({ usage, description }) => [code(usage), description]),
    ),
    "`duologue COMMAND --help` names the options of each. SIGHUP does the same as `reload`, SIGTERM as `stop`. For data: [operation.md](operation.md); for `token`: [embedding.md](embedding.md).",
    "`status`, `reload` and `stop` find the server by its data directory: give them the same `--data` or `--config`. Exit codes: 0 done, 1 failed or no server running, 2 a fault in the command line or the configuration.",
    "",
  ].join("\n\n");
}

const fileForms: Readonly<Record<Option<unknown>["fileType"], string>> = {
  string: "string",
  integer: "number",
  strings: "array of strings",
  table: "table of numbers",
};

/** Tested: it must parse. */
export const EXAMPLE = `host = "127.0.0.1"
port = 9090
data = "/var/lib/duologue"
origins = ["https://example.com"]
trusted-proxies = ["127.0.0.1"]

[limits]
textCharacters = 4000
`;
