/** `npm run check:deploy`: what the programs that read the files of deploy/ say of them, in one line for each file. */
import { join } from "node:path";
import { root } from "./architecture/source.ts";
import { type DeployCheck, deployChecks, judge, type Verdict } from "./deploy/checks.ts";
import { Programs } from "./deploy/programs.ts";

function toLine({ file, by }: DeployCheck, verdict: Verdict): string {
  switch (verdict.state) {
    case "ok":
      return `ok       ${file}: ${by}`;
    case "failed":
      return `FAILED   ${file}: ${by}\n${verdict.problem.trimEnd()}`;
    case "not-run":
      return `NOT RUN  ${file}: ${verdict.reason}`;
    default:
      return verdict satisfies never;
  }
}

const programs = new Programs();
for (const check of deployChecks) {
  const verdict = await judge(check, join(root, "deploy"), programs);
  process.stdout.write(`${toLine(check, verdict)}\n`);
  if (verdict.state === "failed") process.exitCode = 1;
}
