/** What stands in deploy/ agrees with the server's options, with the repository, and with itself. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { exitCodes } from "../packages/server/src/cli/console.ts";
import { optionNames, options, parseConfig } from "../packages/server/src/config/index.ts";
import { root } from "./architecture/source.ts";
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

/** Plain JavaScript without types, which the launcher is on purpose. */
const { bunFlags }: { readonly bunFlags: readonly string[] } = await import(
  join(root, "packages/server/bin/launch.mjs")
);
const machine = { platform: "linux", cores: 2, workingDirectory: "/var/lib/duologue" } as const;

/** What is wrong with a configuration that deploy/ gives to a server. */
function problemsOf(environment: Readonly<Record<string, string>>, toml?: string): readonly string[] {
  const file = toml === undefined ? undefined : { path: "/etc/duologue/duologue.toml", text: toml };
  const parsed = parseConfig({ flags: {}, environment, file, machine });
  return parsed.ok ? [] : parsed.problems;
}

describe("the server's options", () => {
  const known: readonly string[] = optionNames.map((name) => options[name].environment);

  test.each([...deployPaths.map((path) => `deploy/${path}`), "docs/deployment.md"])(
    "%s names only variables that there are",
    (path) => {
      const text = readFileSync(join(root, path), "utf8");
      const named = [...text.matchAll(/\bDUOLOGUE_[A-Z_]+/g)].map(([name]) => name);
      expect(named.filter((name) => !known.includes(name))).toEqual([]);
    },
  );

  test("docs/deployment.md names only flags that there are", () => {
    const flags: readonly string[] = optionNames.flatMap((name) => options[name].flag?.split(" ")[0] ?? []);
    const text = readFileSync(join(root, "docs/deployment.md"), "utf8");
    const own = [...text.matchAll(/(?:^|`)duologue [a-z]+ [^`\n]*|`--[a-z-]+`/gm)];
    const named = own.flatMap(([words]) => words.match(/--[a-z-]+/g) ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((flag) => !flags.includes(flag))).toEqual([]);
  });

  test("the configuration of one machine can be read, also with what stands there as a comment", () => {
    const toml = readDeployed("systemd/duologue.toml");
    expect(problemsOf({}, toml)).toEqual([]);
    const lines = [...toml.matchAll(/^(?:# )?([a-z-]+ = .*)$/gm)].map(([, line = ""]) => line);
    const keys = lines.map((line) => line.split(" = ")[0] ?? "");
    const cluster = lines.filter((_, index) => keys.lastIndexOf(keys[index] ?? "") === index);
    expect(cluster.length).toBeLessThan(lines.length);
    expect(
      problemsOf(readVariables(readDeployed("systemd/secrets.env.example")), cluster.join("\n")),
    ).toEqual([]);
  });

  test("the containers' variables can be read", () => {
    const given = { STORE_PASSWORD: "a1", BUS_PASSWORD: "b2", WORKERS: "2" };
    const filled = Object.entries(compose.services?.["chat-1"]?.environment ?? {}).map(([name, value]) => [
      name,
      String(value).replace(/\$\{([A-Z_]+)[^}]*\}/g, (_, key: keyof typeof given) => given[key]),
    ]);
    expect(problemsOf(Object.fromEntries(filled))).toEqual([]);
    const secret = ofKind("Secret", "duologue").stringData;
    const container = values(podOf("Deployment", "duologue").containers)[0];
    const entries = values(container?.env).map(({ name, value, valueFrom }) => {
      const text = value ?? secret?.[String(valueFrom?.secretKeyRef?.key)];
      return [name, text?.replaceAll("$(BUS_PASSWORD)", String(secret?.["bus-password"]))];
    });
    expect(entries.filter(([, value]) => value === undefined)).toEqual([]);
    const environment = Object.fromEntries(entries);
    expect(Object.keys(environment)).toContain("DUOLOGUE_STORE");
    expect(problemsOf(environment)).toEqual([]);
  });
});

describe("ports and paths", () => {
  const port = String(options.port.defaultValue(machine));

  test("the server's port is the same everywhere", () => {
    expect(/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1]).toBe(port);
    expect(readDeployed("docker/health.mjs")).toContain(`|| "${port}"`);
    expect(readDeployed("systemd/duologue.toml")).toContain(`port = ${port}\n`);
    const container = values(podOf("Deployment", "duologue").containers)[0];
    expect(values(container?.ports).map(({ containerPort }) => String(containerPort))).toEqual([port]);
    const upstreams = [
      ...String(compose.services?.caddy?.environment?.UPSTREAMS).split(" "),
      ...readDeployed("proxy/Caddyfile").matchAll(/UPSTREAMS:([^}]*)/g),
      ...readDeployed("proxy/nginx.conf").matchAll(/server (\S+:\d+)/g),
    ].map((found) => (typeof found === "string" ? found : (found[1] ?? "")));
    expect(upstreams.length).toBeGreaterThanOrEqual(5);
    expect(upstreams.filter((address) => !address.endsWith(`:${port}`))).toEqual([]);
  });

  test("the bus's ports are those of its configuration", () => {
    const numbers = [...readDeployed("nats/nats.conf").matchAll(/^\s*(?:http_)?port: (\d+)$/gm)].map(
      ([, number]) => number,
    );
    const container = values(podOf("StatefulSet", "nats").containers)[0];
    expect(
      values(container?.ports)
        .map(({ containerPort }) => String(containerPort))
        .sort(),
    ).toEqual(numbers.map(String).sort());
    expect(values(compose.services?.nats?.healthcheck?.test).join(" ")).toContain(`:${numbers[1]}/healthz`);
  });

  test("the bus's configuration gets its variables everywhere", () => {
    const needed = new Set(
      [...readDeployed("nats/nats.conf").matchAll(/: \$([A-Z_]+)$/gm)].map(([, name = ""]) => name),
    );
    expect(needed.size).toBe(2);
    const container = values(podOf("StatefulSet", "nats").containers)[0];
    const given = [
      Object.keys(readVariables(readDeployed("nats/nats.env.example"))),
      Object.keys(compose.services?.nats?.environment ?? {}),
      values(container?.env).map(({ name }) => String(name)),
    ];
    for (const names of given) expect([...needed].filter((name) => !names.includes(name))).toEqual([]);
  });

  test("what the image is made of is there, every workspace's package.json included", () => {
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, words = ""]) =>
      words.split(" "),
    );
    expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const workspace of workspaces) expect(sources).toContain(`${workspace}/package.json`);
  });

  test("files that other files name are there", () => {
    const mounts = values(compose.services).flatMap(({ volumes }) =>
      values(volumes).map((text) => text.split(":")[0] ?? ""),
    );
    const sources = mounts
      .filter((path) => path.startsWith("."))
      .map((path) => resolve(deployFolder, "compose", path));
    const build = compose.services?.["chat-1"]?.build;
    const resources = ["kubernetes/kustomization.yaml", "nats/kustomization.yaml"].flatMap((path) => {
      const [tree] = readTrees(path);
      const generated = values(tree?.configMapGenerator).flatMap(({ files }) => values(files));
      return [...values(tree?.resources), ...generated].map((name) =>
        resolve(deployFolder, dirname(path), name),
      );
    });
    const all = [
      ...sources,
      ...resources,
      resolve(deployFolder, "compose", String(build?.context), String(build?.dockerfile)),
    ];
    expect(all.length).toBeGreaterThan(8);
    expect(all.filter((path) => !existsSync(path))).toEqual([]);
  });

  test("the user of the image is the owner of its directories", () => {
    const [, user = ""] = /^USER (\d+):\1$/m.exec(dockerfile) ?? [];
    expect(dockerfile).toContain(`--chown=${user}:${user} /data /data`);
    expect(values(compose.services?.["chat-1"]?.tmpfs).join()).toContain(
      `/data:uid=${user},gid=${user},mode=0700`,
    );
    const { runAsUser, runAsGroup, fsGroup } = podOf("Deployment", "duologue").securityContext as Tree;
    expect([runAsUser, runAsGroup, fsGroup].map(String)).toEqual([user, user, user]);
  });
});

describe("the systemd unit", () => {
  test("does not start a server again that says that its configuration is wrong", () => {
    expect(unit).toContain(`\nRestartPreventExitStatus=${exitCodes.misused}\n`);
    const deployment = readFileSync(join(root, "docs/deployment.md"), "utf8");
    expect(deployment).toContain(`except when the configuration is wrong (exit code ${exitCodes.misused})`);
    const configuration = readFileSync(join(root, "docs/configuration.md"), "utf8");
    expect(configuration).toContain(
      `, ${exitCodes.misused} a fault in the command line or the configuration.`,
    );
  });

  test("starts Bun as the launcher does, and clears what would make Bun do something else", () => {
    const [bun, ...words] = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
    expect(bun).toBe("/opt/duologue/node_modules/bun/bin/bun.exe");
    const installed = bunFlags.map((flag) => flag.replace(resolve(root), "/opt/duologue"));
    expect(words).toEqual([...installed, "/opt/duologue/packages/server/src/main.ts", "serve"]);
    expect(unit).toContain(`ExecReload=${[bun, ...words.slice(0, -1)].join(" ")} reload\n`);
    expect(unit).toMatch(/^UnsetEnvironment=.*\bBUN_OPTIONS BUN_BE_BUN\b.*\bNODE_OPTIONS\b/m);
    const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? "[]");
    expect(entry.slice(1, -1)).toEqual(bunFlags.map((flag) => flag.replace(resolve(root), "/app")));
  });

  test.each([
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateUsers=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "SystemCallFilter=@system-service",
    "SystemCallArchitectures=native",
    "UMask=0077",
    "KillMode=mixed",
    "Type=notify",
    "WatchdogSec=30",
    "WatchdogSignal=SIGKILL",
    "OOMPolicy=continue",
  ])("holds %s", (line) => {
    expect(unit.split("\n")).toContain(line);
  });
});
