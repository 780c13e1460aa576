/** That `npm run check:deploy` finds what is wrong in each file, and says what it could not look at. */
import { describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./architecture/source.ts";
import { type DeployCheck, deployChecks, judge } from "./deploy/checks.ts";
import { deployFolder as deploy, deployPaths } from "./deploy/files.ts";
import { debianPackages, Programs } from "./deploy/programs.ts";

const programs = new Programs();

function checkOf(file: string): DeployCheck {
  const check = deployChecks.find((one) => one.file === file);
  if (check === undefined) throw new Error(`nothing checks ${file}`);
  return check;
}

function isPossible({ program }: DeployCheck): boolean {
  return program === undefined || programs.has(program);
}

/** The first `right` of a file becomes `wrong`, in a copy. */
async function judgeBroken(file: string, right: string, wrong: string): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), "duologue-broken-"));
  try {
    cpSync(deploy, copy, { recursive: true });
    const text = readFileSync(join(copy, file), "utf8");
    expect(text).toContain(right);
    writeFileSync(
      join(copy, file),
      text.replace(right, () => wrong),
    );
    const verdict = await judge(checkOf(file), copy, programs);
    return verdict.state === "failed" ? verdict.problem : verdict.state;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

describe("a wrong key", () => {
  test.each([
    ["systemd/duologue.service", "\nKillMode=", "\nKilMode=", "KilMode"],
    ["docker/Dockerfile", "\nHEALTHCHECK ", "\nHEALTHCHEK ", "HEALTHCHEK"],
    ["compose/compose.yaml", "\n    healthcheck:", "\n    healthchek:", "/services/postgres"],
    ["proxy/Caddyfile", "lb_policy", "lb_polic", "lb_polic"],
    ["proxy/nginx.conf", "proxy_read_timeout", "proxy_reed_timeout", "proxy_reed_timeout"],
    ["nats/nats.conf", "max_payload", "max_paylod", "max_paylod"],
    ["kubernetes/duologue.yaml", "readinessProbe:", "readynessProbe:", "readynessProbe"],
    ["kubernetes/ingress.yaml", "pathType:", "pathtype:", "pathtype"],
    ["kubernetes/namespace.yaml", "metadata:", "metdata:", "metdata"],
    ["kubernetes/nats.yaml", "podManagementPolicy:", "podManagmentPolicy:", "podManagmentPolicy"],
    ["kubernetes/network-policy.yaml", "podSelector:", "podSelecter:", "podSelecter"],
    ["kubernetes/secret.example.yaml", "stringData:", "stringdata:", "stringdata"],
    ["kubernetes/kustomization.yaml", "resources:", "resorces:", "resorces"],
    ["nats/kustomization.yaml", "configMapGenerator:", "configmapGenerators:", "configmapGenerators"],
  ])("in %s is found", async (file, right, wrong, says) => {
    const found = await judgeBroken(file, right, wrong);
    if (isPossible(checkOf(file))) expect(found).toContain(says);
    else expect(found).toBe("not-run");
  });

  test("is tried for every check", () => {
    const tried = readFileSync(import.meta.path, "utf8");
    expect(deployChecks.filter(({ file }) => !tried.includes(`["${file}", `))).toEqual([]);
  });
});

describe("a wrong value", () => {
  test.each([
    ["systemd/duologue.service", "KillMode=mixed", "KillMode=most", "most"],
    ["systemd/duologue.service", "\nCapabilityBoundingSet=", "", "exposure"],
    ["docker/Dockerfile", "--interval=10s", "--interval=10x", "unknown unit x"],
    ["kubernetes/duologue.yaml", "kind: Deployment", "kind: Deploymend", "Deploymend"],
    ["kubernetes/duologue.yaml", "replicas: 2", 'replicas: "2"', "number"],
    ["kubernetes/kustomization.yaml", "- ../nats", "- ../nast", "nast"],
    ["proxy/Caddyfile", "\tlb_policy", "lb_policy", "caddy fmt"],
    ["proxy/nginx.conf", "least_conn;", "least_con;", "least_con"],
  ])("in %s is found: %p", async (file, right, wrong, says) => {
    const found = await judgeBroken(file, right, wrong);
    if (isPossible(checkOf(file))) expect(found).toContain(says);
    else expect(found).toBe("not-run");
  });
});

describe("the files of deploy/", () => {
  test.each(deployChecks.map((check) => [check.file, check] as const))("%s is fine", async (_, check) => {
    const verdict = await judge(check, deploy, programs);
    expect(verdict.state === "failed" ? verdict.problem : "").toBe("");
    expect(verdict.state).toBe(isPossible(check) ? "ok" : "not-run");
  });

  test("are all read by a program, or by the other tests of deploy/", () => {
    const tested = ["deploy.test.ts", "deploy-operation.test.ts"].map((name) =>
      readFileSync(join(root, "tools", name), "utf8"),
    );
    const checked = deployChecks.map(({ file }) => file);
    const rest = deployPaths.filter(
      (path) => !checked.includes(path) && !tested.some((text) => text.includes(`"${path}"`)),
    );
    expect(rest).toEqual([]);
  });

  test("stand in docs/deployment.md with what reads them", () => {
    const page = readFileSync(join(root, "docs/deployment.md"), "utf8");
    const rows = page.split("\n").filter((line) => line.startsWith("| "));
    const missing = deployChecks.filter(
      ({ file, by }) => !rows.some((row) => row.includes(file) && row.includes(by)),
    );
    expect(missing.map(({ file, by }) => `${file}: ${by}`)).toEqual([]);
  });
});

test("where a program is missing, its files are not looked at, and the package that brings it is named", async () => {
  const none = new Programs([]);
  for (const check of deployChecks) {
    const verdict = await judge(check, deploy, none);
    if (check.program === undefined) expect(verdict).toEqual({ state: "ok" });
    else {
      expect(verdict.state).toBe("not-run");
      expect(JSON.stringify(verdict)).toContain(`apt-get install ${debianPackages[check.program]}`);
    }
  }
});
