/** The widget's package, used the way sites do: packed, installed, compiled and bundled in a project of their own. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer, TestBrowser, withDeadline } from "@duologue/testing";
import { buildWidget } from "../build.ts";

setDefaultTimeout(60_000);

const BUDGET_BYTES = 5_000;

const modules = join(import.meta.dir, "../../../node_modules");
let project = "";

beforeAll(async () => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "duologue-widget-package-")));
  const built = join(project, "built");
  await buildWidget(built);
  expect(await run(["npm", "pack", built])).toMatchObject({ code: 0 });
  const archive = readdirSync(project).find((name) => name.endsWith(".tgz")) ?? "none";
  rmSync(built, { recursive: true });
  writeFileSync(join(project, "package.json"), '{ "name": "site", "private": true, "type": "module" }');
  const install = ["npm", "install", "--offline", "--no-audit", "--no-fund", "--loglevel=error", archive];
  expect(await run(install)).toMatchObject({ code: 0 });
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

async function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([...command], { cwd: project, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  try {
    const streams = [new Response(child.stdout).text(), new Response(child.stderr).text()];
    const all = Promise.all([child.exited, ...streams]);
    const [code, ...texts] = await withDeadline(all, () => `${command[0]} did not end`, 30_000);
    return { code, output: texts.join("") };
  } finally {
    child.kill("SIGKILL");
  }
}

describe("the widget's package", () => {
  test.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("declares types that stand alone, by the rules of %s modules", async (module, resolution) => {
    writeFileSync(
      join(project, "types.ts"),
      `import { createDuologue, defineChatElement, type Duologue, type DuologueChatElement } from "@duologue/widget";
       defineChatElement("https://chat.example.com");
       const chat: Duologue = createDuologue({ url: "https://chat.example.com", getToken: async () => "token", position: "left" });
       chat.element.addEventListener("duologue:message", ({ detail }) => detail.fromName.length + detail.seq);
       document.addEventListener("duologue:unread", (event) => event.detail.count + chat.unread);
       // @ts-expect-error There is no such theme.
       chat.change({ peer: "seller-17", theme: "pink" });
       const element = document.createElement("duologue-chat");
       element.getToken = () => undefined;
       const same: DuologueChatElement = element;
       export { same };`,
    );
    const compiler = join(modules, "typescript/bin/tsc");
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022"];
    flags.push("--lib", "es2023,dom", "--module", module, "--moduleResolution", resolution);
    expect(await run(["node", compiler, ...flags, "types.ts"])).toEqual({ code: 0, output: "" });
  });

  test("may be loaded where there is no document", async () => {
    writeFileSync(
      join(project, "server.mjs"),
      `import * as widget from "@duologue/widget";
       console.log(Object.keys(widget).join());`,
    );
    expect(await run(["node", "server.mjs"])).toEqual({
      code: 0,
      output: "createDuologue,defineChatElement\n",
    });
  });

  test("works on a page that a bundler makes, and adds at most 5,000 bytes to it, compressed", async () => {
    writeFileSync(
      join(project, "page.js"),
      `import { createDuologue, defineChatElement } from "@duologue/widget";
       const url = document.querySelector("meta").content;
       defineChatElement(url);
       createDuologue({ url, open: true, language: "en" });`,
    );
    const entrypoints = [join(project, "page.js")];
    const { outputs } = await Bun.build({ entrypoints, target: "browser", minify: true });
    const script = (await outputs[0]?.text()) ?? "";
    expect(Bun.gzipSync(script).length).toBeLessThan(BUDGET_BYTES);
    let chat: Server | undefined;
    using site = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => answer(request, script, chat?.url),
    });
    const origin = `http://localhost:${site.port}`;
    await using server = await startServer({ options: ["--embed-origins", origin] });
    chat = server;
    await using browser = await TestBrowser.launch();
    const page = await (await browser.person()).newPage();
    await page.goto(origin);
    await page.frameLocator("duologue-launcher iframe").locator("#nickname").waitFor();
    await page.frameLocator("duologue-chat iframe").locator("#nickname").waitFor();
  });
});

function answer(request: Request, script: string, chat: string | undefined): Response {
  if (new URL(request.url).pathname === "/page.js")
    return new Response(script, { headers: { "Content-Type": "text/javascript" } });
  return new Response(
    `<!doctype html><meta name="chat" content="${chat}"><duologue-chat></duologue-chat><script type="module" src="/page.js"></script>`,
    { headers: { "Content-Type": "text/html" } },
  );
}
