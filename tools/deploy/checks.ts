/** Which file of deploy/ is read by which program. What no other program reads, tools/deploy.test.ts does. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkCompose, checkDockerfile } from "./containers.ts";
import { checkKustomization, checkObjects } from "./kubernetes.ts";
import { ProgramMissingError, type ProgramName, type Programs } from "./programs.ts";
import { checkBus, checkCaddy, checkNginx, checkUnit } from "./services.ts";
import type { Stage } from "./stage.ts";

export interface DeployCheck {
  /** Below deploy/. */
  readonly file: string;
  /** What reads it, as docs/deployment.md says it. */
  readonly by: string;
  /** The program that it needs, if it is none that npm brings. */
  readonly program?: ProgramName;
  /** Resolves with what is wrong; "" when nothing is. */
  readonly look: (stage: Stage) => Promise<string>;
}

export type Verdict =
  | { readonly state: "ok" }
  | { readonly state: "failed"; readonly problem: string }
  | { readonly state: "not-run"; readonly reason: string };

const objects = ["duologue", "ingress", "namespace", "nats", "network-policy", "secret.example"].map(
  (name): DeployCheck => {
    const file = `kubernetes/${name}.yaml`;
    return { file, by: "the types of Kubernetes 1.30", look: (stage) => checkObjects(stage, file) };
  },
);

const kustomizations = ["kubernetes", "nats"].map((folder): DeployCheck => {
  const file = `${folder}/kustomization.yaml`;
  return {
    file,
    by: "kubectl kustomize, and the same types for what it makes",
    program: "kubectl",
    look: (stage) => checkKustomization(stage, file),
  };
});

export const deployChecks: readonly DeployCheck[] = [
  {
    file: "systemd/duologue.service",
    by: "systemd-analyze verify, systemd-analyze security",
    program: "systemd-analyze",
    look: checkUnit,
  },
  { file: "docker/Dockerfile", by: "dockerfile-utils", look: checkDockerfile },
  { file: "compose/compose.yaml", by: "dclint, with the schema of Compose", look: checkCompose },
  { file: "proxy/Caddyfile", by: "caddy validate, caddy fmt", program: "caddy", look: checkCaddy },
  { file: "proxy/nginx.conf", by: "nginx -t", program: "nginx", look: checkNginx },
  { file: "nats/nats.conf", by: "nats-server -t", program: "nats-server", look: checkBus },
  ...objects,
  ...kustomizations,
];

/** `deploy`: the folder, or a copy of it. Absolute. */
export async function judge(check: DeployCheck, deploy: string, programs: Programs): Promise<Verdict> {
  const scratch = mkdtempSync(join(tmpdir(), "duologue-deploy-"));
  try {
    const problem = await check.look({ deploy, scratch, programs });
    return problem === "" ? { state: "ok" } : { state: "failed", problem };
  } catch (error) {
    if (error instanceof ProgramMissingError) return { state: "not-run", reason: error.message };
    throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
