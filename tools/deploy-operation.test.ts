/** What an operator relies on, in the files of deploy/: rights, time to stop, room in the database, whom proxies let in. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { READ_CONNECTIONS } from "../packages/server/src/store/postgres/pool.ts";
import {
  compose,
  deployFolder,
  deployPaths,
  dockerfile,
  ofKind,
  podOf,
  readDeployed,
  readTrees,
  readVariables,
  type Tree,
  unit,
  values,
} from "./deploy/files.ts";

const chat = compose.services?.["chat-1"];
const example = readVariables(readDeployed("compose/.env.example"));

function probeSeconds(name: string): number {
  const probe = values(podOf("Deployment", "duologue").containers)[0]?.[name];
  return Number(probe?.periodSeconds) * Number(probe?.failureThreshold);
}

describe("containers", () => {
  test("run without privileges, on a file system that they cannot write to", () => {
    expect([chat?.read_only, values(chat?.cap_drop), values(chat?.security_opt)] as unknown[]).toEqual([
      true,
      ["ALL"],
      ["no-new-privileges:true"],
    ]);
    for (const service of values(compose.services))
      expect(values(service.security_opt) as unknown[]).toContain("no-new-privileges:true");
    for (const pod of [podOf("Deployment", "duologue"), podOf("StatefulSet", "nats")]) {
      expect(pod.securityContext as unknown).toMatchObject({ runAsNonRoot: true });
      expect(values(pod.containers)[0]?.securityContext as unknown).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
  });

  test("believe X-Forwarded-For of the proxy only, whose address is fixed", () => {
    const proxy = compose.services?.caddy?.networks?.front?.ipv4_address;
    expect(proxy).toBeDefined();
    expect(chat?.environment?.DUOLOGUE_TRUSTED_PROXIES).toBe(proxy as Tree);
  });

  test("have limits of memory, and their logs an end", () => {
    expect(String(chat?.mem_limit)).toContain(`:-${example.NODE_MEMORY}}`);
    for (const { logging } of values(compose.services))
      expect(logging?.options as unknown).toEqual({ "max-size": "10m", "max-file": "5" });
    for (const pod of [podOf("Deployment", "duologue"), podOf("StatefulSet", "nats")])
      expect(values(pod.containers)[0]?.resources?.limits?.memory).toBeDefined();
  });

  test("get each variable that Compose asks for from .env.example, and no other", () => {
    const asked = [...readDeployed("compose/compose.yaml").matchAll(/\$\{([A-Z_]+)/g)].map(
      ([, name]) => name,
    );
    expect(new Set([...asked, "COMPOSE_PROJECT_NAME"])).toEqual(new Set(Object.keys(example)));
  });

  test("clear every variable that would make Bun do something else, as the unit does", () => {
    const [, unset = ""] = /^UnsetEnvironment=(.*)$/m.exec(unit) ?? [];
    const cleared = [...dockerfile.matchAll(/^(?:ENV)? +([A-Z_]+)=""/gm)].map(([, name]) => name);
    expect(cleared.sort()).toEqual(unset.split(" ").sort());
  });

  test("are built from files that reach the builder", () => {
    const rules = readDeployed("docker/Dockerfile.dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => ({ isKept: line.startsWith("!"), glob: line.replace(/^!/, "") }));
    const isKept = (path: string): boolean => {
      const names = path.split("/").map((_, index, all) => all.slice(0, index + 1).join("/"));
      const last = rules.findLast(({ glob }) => names.some((name) => new Bun.Glob(glob).match(name)));
      return last?.isKept ?? true;
    };
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, words = ""]) =>
      words.split(" "),
    );
    expect(copied.length).toBeGreaterThan(10);
    expect(copied.filter((path) => !isKept(path))).toEqual([]);
    expect([".env", "deploy/compose/.env", "node_modules/bun"].filter(isKept)).toEqual([]);
  });

  test.each([
    ["takes messages", 200, 0],
    ["takes none", 503, 1],
  ])("are healthy by the answer of /readyz: a server that %s", async (_, status, exitCode) => {
    const paths: string[] = [];
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => {
        paths.push(new URL(url).pathname);
        return new Response("", { status });
      },
    });
    const script = join(deployFolder, "docker/health.mjs");
    const env = { DUOLOGUE_HOST: "0.0.0.0", DUOLOGUE_PORT: String(server.port) };
    expect(await Bun.spawn([process.execPath, script], { env }).exited).toBe(exitCode);
    expect(paths).toEqual(["/readyz"]);
  });
});

describe("a stop", () => {
  /** The workers have 5 s; what the store is asked for at the end, 5 s of an outage and the 3.5 s of a last answer. */
  const LONGEST_SECONDS = 5 + 5 + 3.5;

  test("has as long as the server may take, also while its database is away", () => {
    const { lifecycle } = values(podOf("Deployment", "duologue").containers)[0] as Tree;
    const preStop = Number(lifecycle?.preStop?.sleep?.seconds);
    expect(preStop).toBeGreaterThan(0);
    const seconds = [
      Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]),
      Number.parseInt(String(chat?.stop_grace_period), 10),
      Number(podOf("Deployment", "duologue").terminationGracePeriodSeconds) - preStop,
    ];
    expect(seconds.filter((value) => value < LONGEST_SECONDS)).toEqual([]);
  });
});

describe("Kubernetes", () => {
  test("finds the parts by their labels", () => {
    for (const name of ["duologue", "nats"]) {
      const workload = ofKind(name === "nats" ? "StatefulSet" : "Deployment", name).spec;
      const labels = workload?.template?.metadata?.labels as unknown;
      expect(workload?.selector?.matchLabels as unknown).toEqual(labels);
      expect(ofKind("Service", name).spec?.selector as unknown).toEqual(labels);
      const budget = ofKind("PodDisruptionBudget", name).spec as unknown;
      expect(budget).toEqual({
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: "AlwaysAllow",
        selector: { matchLabels: labels },
      });
      expect(ofKind("NetworkPolicy", name).spec?.podSelector?.matchLabels as unknown).toEqual(labels);
    }
  });

  test("asks /readyz whether a pod gets clients, and /healthz whether it lives, and waits for tables to be made", () => {
    const container = values(podOf("Deployment", "duologue").containers)[0];
    expect(String(container?.readinessProbe?.httpGet?.path)).toBe("/readyz");
    for (const name of ["startupProbe", "livenessProbe"])
      expect(String(container?.[name]?.httpGet?.path)).toBe("/healthz");
    // A step of bringing tables to a new version has 60 s, and so has waiting for another node that takes one.
    expect(probeSeconds("startupProbe")).toBeGreaterThan(4 * 60);
    expect(probeSeconds("readinessProbe")).toBeLessThan(6);
  });

  test("trusts no range of proxies that clients are likely to be in", () => {
    const env = values(values(podOf("Deployment", "duologue").containers)[0]?.env);
    const ranges = env.find(({ name }) => String(name) === "DUOLOGUE_TRUSTED_PROXIES")?.value;
    const bits = String(ranges)
      .split(",")
      .map((range) => Number(range.split("/")[1] ?? 32));
    expect(bits.filter((count) => count < 16)).toEqual([]);
  });

  test("is given no secret by what is applied", () => {
    const [kustomization] = readTrees("kubernetes/kustomization.yaml");
    const applied = values(kustomization?.resources).filter((path) => path.endsWith(".yaml"));
    const kinds = applied.flatMap((path) => readTrees(`kubernetes/${path}`)).map(({ kind }) => String(kind));
    expect(kinds).toContain("Deployment");
    expect(kinds).not.toContain("Secret");
    for (const path of deployPaths.filter((name) => name.startsWith("kubernetes/")))
      expect(readDeployed(path)).not.toMatch(/password(?:["']?:|=) *[A-Za-z0-9]{12,}/i);
  });
});

describe("PostgreSQL", () => {
  /** One writes, one begins; the workers read, one of them while its successor already does. */
  const connectionsOf = (workers: number): number => 2 + READ_CONNECTIONS * (workers + 1);
  /** Reserved for the superuser, `duologue doctor`, back-ups. */
  const OTHERS = 10;
  const USUAL = 100;

  test("has connections for both nodes of Compose, by the rule that stands there", () => {
    const text = readDeployed("compose/.env.example");
    const [, fixed, each] = /for the two nodes (\d+) \+ (\d+) × WORKERS, and 10 for/.exec(text) ?? [];
    const rule = (workers: number): number => Number(fixed) + Number(each) * workers;
    expect([1, 2, 16].map(rule)).toEqual([1, 2, 16].map((workers) => 2 * connectionsOf(workers)));
    expect(Number(example.STORE_CONNECTIONS)).toBeGreaterThanOrEqual(rule(Number(example.WORKERS)) + OTHERS);
    expect(values(compose.services?.postgres?.command) as unknown[]).toContain(
      `max_connections=\${STORE_CONNECTIONS:-${example.STORE_CONNECTIONS}}`,
    );
  });

  test("has connections for the pods of Kubernetes, and for one more during an update", () => {
    const { replicas, strategy } = ofKind("Deployment", "duologue").spec as Tree;
    const env = values(values(podOf("Deployment", "duologue").containers)[0]?.env);
    const workers = Number(env.find(({ name }) => String(name) === "DUOLOGUE_WORKERS")?.value);
    const needed = (Number(replicas) + Number(strategy?.rollingUpdate?.maxSurge)) * connectionsOf(workers);
    expect(needed + OTHERS).toBeLessThanOrEqual(USUAL);
    expect(readDeployed("kubernetes/duologue.yaml")).toContain(`so ${needed} of the ${USUAL}`);
  });
});

describe("the proxies", () => {
  const nginx = readDeployed("proxy/nginx.conf");
  const caddy = readDeployed("proxy/Caddyfile");

  test("keep a silent WebSocket for longer than the server lets it be silent", () => {
    const seconds = [...nginx.matchAll(/proxy_(?:read|send)_timeout (\d+)s;/g)].map(([, value]) =>
      Number(value),
    );
    expect(seconds.length).toBe(2);
    expect(seconds.filter((value) => value <= 90)).toEqual([]);
  });

  test("say themselves whom they speak for", () => {
    expect(nginx).toContain("proxy_set_header X-Forwarded-For $remote_addr;");
    expect(nginx).toContain("proxy_set_header X-Forwarded-Proto $scheme;");
    expect(nginx).not.toContain("$proxy_add_x_forwarded_for");
    expect(caddy).not.toMatch(/^\s*(?:trusted_proxies|header_up)/m);
  });

  test("take headers of 16 KB and no slow ones, speak TLS, and show /readyz to nobody outside", () => {
    expect(nginx).toMatch(/large_client_header_buffers 2 8k;[\s\S]*client_header_timeout 10s;/);
    expect(caddy).toMatch(/max_header_size 16KB[\s\S]*read_header 10s/);
    expect(nginx).toMatch(/ssl_protocols +TLSv1\.2 TLSv1\.3;/);
    for (const text of [nginx, caddy]) expect(text).toContain("Strict-Transport-Security");
    expect(nginx).toMatch(/location = \/readyz \{\s+return 404;/);
    expect(caddy).toContain("respond /readyz 404");
  });
});
