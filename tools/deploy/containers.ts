/** The image and Compose, by npm packages: there may be no container engine. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DCLinter } from "dclint";
import { validate } from "dockerfile-utils";
import type { Stage } from "./stage.ts";

export async function checkDockerfile({ deploy }: Stage): Promise<string> {
  const problems = validate(readFileSync(join(deploy, "docker/Dockerfile"), "utf8"));
  return problems.map(({ range, message }) => `line ${range.start.line + 1}: ${message}`).join("\n");
}

/** Matters of taste, and ports that all of the world shall reach. */
const UNUSED_RULES = [
  "no-unbound-port-interfaces",
  "require-project-name-field",
  "require-quotes-in-ports",
  "service-dependencies-alphabetical-order",
  "service-keys-order",
  "service-ports-alphabetical-order",
  "services-alphabetical-order",
  "top-level-properties-order",
];

export async function checkCompose({ deploy }: Stage): Promise<string> {
  const rules = Object.fromEntries(UNUSED_RULES.map((name) => [name, 0 as const]));
  const linter = new DCLinter({ rules, quiet: false, debug: false, exclude: [] });
  const found = linter.lintFiles([join(deploy, "compose/compose.yaml")], false);
  if (found.length !== 1) return "the file was not looked at";
  return found.flatMap(({ messages }) => messages.map(({ message }) => message)).join("\n");
}
