import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isInstalled, root } from "./install.mjs";

const link = { resolved: "packages/server", link: true };
const lock = {
  "": { name: "workspace" },
  "packages/server": { name: "server" },
  "node_modules/server": link,
  "node_modules/pino": { version: "1.0.0" },
  "node_modules/fsevents": { version: "1.0.0", optional: true },
  "node_modules/biome": { version: "1.0.0", dev: true },
};
const running = { "node_modules/server": link, "node_modules/pino": { version: "1.0.0" } };
const complete = { ...running, "node_modules/biome": { version: "1.0.0", dev: true } };

/** A directory with this lock file, and with npm's record of what it has installed. */
function directoryWith(installed) {
  const path = mkdtempSync(join(tmpdir(), "duologue-install-"));
  writeFileSync(join(path, "package-lock.json"), JSON.stringify({ packages: lock }));
  if (installed !== undefined) {
    mkdirSync(join(path, "node_modules"));
    writeFileSync(join(path, "node_modules/.package-lock.json"), JSON.stringify({ packages: installed }));
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

describe("what is installed", () => {
  test.each([
    ["nothing", undefined, false, false],
    ["what the server needs", running, true, false],
    ["everything", complete, true, true],
    ["an older version", { ...complete, "node_modules/pino": { version: "0.9.0" } }, false, false],
    ["a package less", { "node_modules/server": link }, false, false],
    ["no link to a workspace", { "node_modules/pino": { version: "1.0.0" } }, false, false],
  ])("with %s", (_, installed, runs, tests) => {
    using directory = directoryWith(installed);
    expect([isInstalled(directory.path, "run"), isInstalled(directory.path, "all")]).toEqual([runs, tests]);
  });
});

describe("package-lock.json", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));

  test("takes packages from npm's registry only", () => {
    const strange = Object.values(packages)
      .filter(({ resolved, link: isLink }) => resolved !== undefined && !isLink)
      .filter(({ resolved }) => !resolved.startsWith("https://registry.npmjs.org/"));
    expect(strange).toEqual([]);
  });

  test("keeps what only tests and checks need out of an installation for running", () => {
    const shipped = Object.entries(packages).filter(
      ([path, entry]) => path.startsWith("node_modules/") && !entry.dev,
    );
    const names = shipped.map(([path]) =>
      path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
    );
    for (const name of [
      "typescript",
      "@biomejs/biome",
      "@sparticuz/chromium",
      "playwright-core",
      "knip",
      "fast-check",
      "ws",
      // For an example; virtua's optional peer dependency would bring it.
      "react",
      "react-dom",
    ]) {
      expect(names).not.toContain(name);
    }
    expect(names).toContain("bun");
  });

  // npm refuses to install by a lock file that leaves out a platform's package (`npm ci`: "Missing: … from lock file").
  test("holds the packages of every platform", () => {
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    );
    expect(wanted.filter((name) => packages[`node_modules/${name}`] === undefined)).toEqual([]);
  });

  test("pins every direct dependency to one version", () => {
    const manifests = Object.entries(packages).filter(([path]) => !path.includes("node_modules/"));
    const ranges = manifests.flatMap(([, entry]) =>
      Object.entries({ ...entry.dependencies, ...entry.devDependencies, ...entry.optionalDependencies }),
    );
    expect(ranges.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });
});
