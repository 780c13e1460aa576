/** What is published, used the way its users do: by Node 20, by a bundler, by the compiler. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startServer, withDeadline } from "@duologue/testing";
import { buildClient } from "../build.ts";

/** For the page of somebody who embeds the chat: everything but the storage, which is loaded when it is wanted. */
const BUDGET_BYTES = 20 * 1024;
/** What a user downloads, compressed: code, maps with the sources, and types. */
const PACKAGE_BYTES = 200 * 1024;

const modules = join(import.meta.dir, "../../../node_modules");
let project = "";
let installed = "";

/** A project with the package and `ws` installed, and nothing of this repository. */
beforeAll(async () => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "duologue-client-")));
  installed = join(project, "node_modules/@duologue/client");
  await buildClient(installed);
  mkdirSync(dirname(installed), { recursive: true });
  for (const name of ["ws"]) symlinkSync(join(modules, name), join(project, "node_modules", name));
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

async function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([...command], { cwd: project, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  try {
    const streams = [new Response(child.stdout).text(), new Response(child.stderr).text()];
    const all = Promise.all([child.exited, ...streams]);
    const [code, ...texts] = await withDeadline(all, () => `${command[0]} did not end`, 25_000);
    return { code, output: texts.join("") };
  } finally {
    child.kill("SIGKILL");
  }
}

describe("the published package", () => {
  /** Logs in, says as whom, and ends by itself. */
  const talk = (url: string, environment: string): string => `
    import { browserEnvironment, connect } from "@duologue/client";
    const url = ${JSON.stringify(url.replace("http", "ws"))};
    const client = connect({ url, nickname: "node", environment: ${environment} });
    client.subscribe(() => {
      if (client.connection.kind !== "online") return;
      console.log(client.me.name);
      client.close();
    });`;

  test("runs under Node with the constructor of `ws`, against a real server", async () => {
    await using server = await startServer();
    const script = `import WebSocket from "ws"; ${talk(server.url, "browserEnvironment({ WebSocket })")}`;
    writeFileSync(join(project, "talk.mjs"), script);
    expect(await run(["node", "talk.mjs"])).toEqual({ code: 0, output: "node\n" });
  });

  test("runs under Node by itself from 22 on, and says what is missing before", async () => {
    await using server = await startServer();
    writeFileSync(join(project, "alone.mjs"), talk(server.url, "undefined"));
    const { output: version } = await run(["node", "-p", "process.versions.node"]);
    const { code, output } = await run(["node", "alone.mjs"]);
    if (Number.parseInt(version, 10) >= 22) expect({ code, output }).toEqual({ code: 0, output: "node\n" });
    else
      expect({ code, told: output.includes("pass one: browserEnvironment") }).toEqual({
        code: 1,
        told: true,
      });
  });

  test("brings the mock server for tests", async () => {
    writeFileSync(
      join(project, "mock.mjs"),
      `import { connect } from "@duologue/client";
       import { createMockServer } from "@duologue/client/testing";
       const server = createMockServer();
       const client = connect({ url: server.url, nickname: "mock", environment: server.environment });
       await server.settled();
       console.log(client.me.name);`,
    );
    expect(await run(["node", "mock.mjs"])).toEqual({ code: 0, output: "mock\n" });
  });

  test("does what its README says, with Bun and a real server", async () => {
    await using server = await startServer();
    const readme = readFileSync(join(installed, "README.md"), "utf8");
    const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? "");
    const said = [...readme.matchAll(/^It prints (.*?)\./gms)].map(([, words]) =>
      [...(words ?? "").matchAll(/`(.*?)`/g)].map(([, line]) => line),
    );
    expect(blocks.length).toBe(said.length);
    for (const [index, code] of blocks.entries()) {
      const here = code.replace("ws://localhost:9090", server.url.replace("http", "ws"));
      writeFileSync(join(project, "example.ts"), here);
      const { code: exit, output } = await run([process.execPath, "example.ts"]);
      expect({ exit, lines: output.trimEnd().split("\n") }).toEqual({
        exit: 0,
        lines: said[index] as string[],
      });
    }
  });

  test("declares types that stand alone, in strict mode and with Node's rules for modules", async () => {
    writeFileSync(
      join(project, "types.mts"),
      `import { type Client, connect, RequestError } from "@duologue/client";
       import { createMockServer, type MockServer } from "@duologue/client/testing";
       const server: MockServer = createMockServer();
       const client: Client = connect({ url: server.url, nickname: "types", environment: server.environment });
       const names: readonly string[] = client.conversations.map(({ peer }) => peer.name);
       // @ts-expect-error A number is no name.
       const wrong: readonly number[] = names;
       export { RequestError, wrong };`,
    );
    const compiler = join(modules, "typescript/bin/tsc");
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--module", "nodenext"];
    const outcome = await run([
      "node",
      compiler,
      ...flags,
      "--target",
      "es2022",
      "--lib",
      "es2023,dom",
      "types.mts",
    ]);
    expect(outcome).toEqual({ code: 0, output: "" });
  });

  test("comes with source maps that hold the sources", () => {
    for (const door of ["index", "testing/index"]) {
      const map = JSON.parse(readFileSync(join(installed, `${door}.js.map`), "utf8"));
      expect(map.sources.length).toBe(map.sourcesContent.length);
      expect(readFileSync(join(installed, `${door}.js`), "utf8")).toContain("//# sourceMappingURL=");
    }
  });

  test("holds what is needed and no more, in at most 200 KB", async () => {
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.[a-z]+$|LICENSE$/.test(path))
      .map((path) => path.replaceAll("\\", "/"));
    const known =
      /^(types\/(client|protocol)\/src\/.*\.d\.ts|(testing\/)?index\.js(\.map)?|chunk-\w+\.js(\.map)?)$/;
    const others = files.filter((path) => !known.test(path));
    expect(others.sort()).toEqual(["LICENSE", "README.md", "package.json"]);
    expect(files.filter((path) => path.includes(".test."))).toEqual([]);
    const texts = files.map((path) => readFileSync(join(installed, path)));
    expect(Bun.gzipSync(Buffer.concat(texts)).length).toBeLessThanOrEqual(PACKAGE_BYTES);
  });

  test("adds at most 20 KB to a page, compressed", async () => {
    const entry = join(project, "page.js");
    writeFileSync(
      entry,
      'import { connect } from "@duologue/client"; globalThis.chat = connect({ url: "" });',
    );
    const { outputs } = await Bun.build({
      entrypoints: [entry],
      target: "browser",
      minify: true,
      external: ["idb"],
    });
    const bytes = await Promise.all(
      outputs.map(async (output) => Bun.gzipSync(await output.arrayBuffer()).length),
    );
    const total = bytes.reduce((sum, one) => sum + one, 0);
    expect(total).toBeGreaterThan(5_000);
    expect(total).toBeLessThanOrEqual(BUDGET_BYTES);
  });
});
