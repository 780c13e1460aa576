/** What the documents tell one to type, typed as a stranger would: into a shell, through npm, in a clone of the repository. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Terminal } from "@duologue/testing";
import manifest from "../package.json";
import { root } from "./architecture/source.ts";

const pages = [
  "README.md",
  "README.zh-CN.md",
  "docs/widget.md",
  "packages/client/README.md",
  "examples/shop/README.md",
  "examples/react-app/README.md",
];
/** The suite that this test is part of, what `.ci/run` begins with, and what would publish. */
const NOT_TYPED = ["npm test", "npm run check", "npm publish"];
const COMMAND = /^(?:\w+="[^"]*" )?(?:npm|npx|node|openssl) /;
const TEST_MS = 90_000;

/** The lines of a page's blocks and its code between words, as far as they are commands, without their comments. */
function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```(?:sh)?\n(.*?)^```/gms)].flatMap(
    ([, text]) => text?.split("\n") ?? [],
  );
  const spans = [...markdown.replace(/^```.*?^```/gms, "").matchAll(/`([^`\n]+)`/g)].map(
    ([, text]) => text ?? "",
  );
  return [...blocks, ...spans]
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => COMMAND.test(line));
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const typed = new Set<string>(NOT_TYPED);
let directory = "";

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "duologue-commands-")));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Changes {
  /** What stands for something of one's own, by what the document calls it. */
  readonly places?: Readonly<Record<string, string>>;
  readonly more?: string;
  readonly cwd?: string;
}

/** Types a documented command. The environment says what would otherwise collide with other servers of this machine. */
function type(command: string, { places = {}, more = "", cwd = root }: Changes = {}): Terminal {
  typed.add(command);
  let line = command + more;
  for (const [place, value] of Object.entries(places)) line = line.replace(place, value);
  return new Terminal(line, cwd, {
    DUOLOGUE_HOST: "127.0.0.1",
    DUOLOGUE_PORT: "0",
    DUOLOGUE_WORKERS: "1",
    DUOLOGUE_DATA: join(directory, "data"),
    npm_config_pack_destination: directory,
    npm_config_offline: "true",
  });
}

async function expectToEndWell(command: string, changes?: Changes): Promise<string> {
  await using terminal = type(command, changes);
  const code = await terminal.exited;
  const text = terminal.output.log.join("\n");
  expect({ command, code, text }).toEqual({ command, code: 0, text });
  return text;
}

const addressOf = (terminal: Terminal): Promise<string> => terminal.find(/Open +(http:\/\/localhost:\d+)/);

describe("README.md", () => {
  test(
    "its server starts, is asked, saved, reloaded and examined, and stops",
    async () => {
      await using server = type("npm start");
      const address = await addressOf(server);
      expect((await fetch(`${address}/readyz`)).status).toBe(200);
      expect(await expectToEndWell("npx duologue status")).toContain("Worker");
      const file = join(directory, "saved");
      await expectToEndWell("npx duologue backup FILE", { places: { FILE: file } });
      expect(existsSync(file)).toBe(true);
      await expectToEndWell("npx duologue reload");
      expect(await expectToEndWell("npx duologue doctor")).toContain("✓");
      await expectToEndWell("npx duologue stop");
      expect(await server.exited).toBe(0);
    },
    TEST_MS,
  );

  test(
    "its server takes options",
    async () => {
      const places = { "9191": "0", "/some/dir": join(directory, "other") };
      await using server = type("npm start -- --port 9191 --workers 4 --data /some/dir", { places });
      await server.find(/Workers +(4)/);
      await addressOf(server);
      expect(existsSync(join(directory, "other/duologue.db"))).toBe(true);
    },
    TEST_MS,
  );

  test(
    "its server lets a site show the chat in a frame",
    async () => {
      const secret = join(directory, "site-secret");
      writeFileSync(secret, "a secret of this test, long enough for HS256", { mode: 0o600 });
      const command = "npm start -- --host-secret-file host-secret --embed-origins https://shop.example.com";
      await using server = type(command, { places: { " host-secret": ` ${secret}` } });
      const response = await fetch(`${await addressOf(server)}/embed`);
      expect(response.headers.get("Content-Security-Policy")).toContain("https://shop.example.com");
    },
    TEST_MS,
  );
});

describe("packages", () => {
  /** What is made here stays away from a clone where nobody has made it. */
  async function make(path: string, run: () => Promise<void>): Promise<void> {
    const isNew = !existsSync(join(root, path));
    try {
      await run();
    } finally {
      if (isNew) rmSync(join(root, path), { recursive: true, force: true });
    }
  }

  test(
    "the widget's is built, packed, and installed in a site",
    () =>
      make("packages/web/dist", async () => {
        await expectToEndWell("npm run build -w @duologue/web");
        await expectToEndWell("npm pack ./packages/web/dist/widget");
        const site = join(directory, "site");
        mkdirSync(site);
        writeFileSync(join(site, "package.json"), "{}");
        await expectToEndWell("npm install /path/to/duologue-widget-0.1.0.tgz", {
          places: { "/path/to": directory },
          cwd: site,
        });
        expect(existsSync(join(site, "node_modules/@duologue/widget/index.js"))).toBe(true);
      }),
    TEST_MS,
  );

  test(
    "the client's is built",
    () =>
      make("packages/client/dist", async () => {
        await expectToEndWell("npm run build -w packages/client");
        expect(existsSync(join(root, "packages/client/dist/index.js"))).toBe(true);
      }),
    TEST_MS,
  );
});

describe("examples", () => {
  test.each([
    ["shop", "http://127.0.0.1:8090", "", /The buyer is at (http:\S+),/],
    ["react", "http://127.0.0.1:8091", "token?person=ann", /Ann is at (http:[^\s?]+)/],
  ] as const)(
    "%s: the chat knows whom the site has signed a token for",
    async (name, origin, tokenPath, address) => {
      const secret = { "host-secret": join(directory, `${name}-secret`) };
      typed.add("openssl rand -base64 48 > host-secret && chmod 600 host-secret");
      writeFileSync(secret["host-secret"], crypto.randomUUID(), { mode: 0o600 });
      const places = { " host-secret": ` ${secret["host-secret"]}` };
      await using chat = type(`npm start -- --host-secret-file host-secret --embed-origins ${origin}`, {
        places,
      });
      const chatAddress = await addressOf(chat);
      const command = `npm run example:${name}`;
      typed.add(`${command} -- https://chat.example.com 8099`);
      await using site = type(`DUOLOGUE_HOST_SECRET="$(cat host-secret)" ${command}`, {
        places: secret,
        more: ` -- ${chatAddress} 0`,
      });
      const siteAddress = await site.find(address);
      expect(await (await fetch(siteAddress)).text()).toContain(chatAddress);
      const page = await (await fetch(siteAddress + tokenPath)).text();
      const token = /[\w-]+\.[\w-]+\.[\w-]{20,}/.exec(page)?.[0] ?? "";
      expect(await logIn(chatAddress, token)).toMatchObject({ type: "welcome", user: { kind: "member" } });
    },
    TEST_MS,
  );

  async function logIn(address: string, token: string): Promise<unknown> {
    const socket = new WebSocket(address.replace("http", "ws"), ["duologue.v1"]);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", version: 1, token }));
    socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)));
    socket.onclose = () => reject(new Error("The chat closed the connection."));
    try {
      return await promise;
    } finally {
      socket.close();
    }
  }
});

test("each command that the documents name was typed here, and each script of theirs is there", () => {
  const missing = pages.flatMap((page) =>
    commandsOf(read(page))
      .filter((command) => !typed.has(command))
      .map((command) => `${page}: ${command}`),
  );
  expect(missing).toEqual([]);
  const named = [...read("CONTRIBUTING.md").matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? "");
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([]);
});
