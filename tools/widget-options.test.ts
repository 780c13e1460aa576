/** Each option of the widget, and who is logged in by it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { FrameLocator } from "playwright-core";
import { type Person, signToken } from "../examples/shop/server.ts";
import {
  complaintsOf,
  heard,
  launcher,
  leave,
  messageOf,
  SECRET,
  WidgetStage,
  write,
} from "./widget-stage.ts";

setDefaultTimeout(90_000);

const root = join(import.meta.dir, "..");
const buyer: Person = { sub: "buyer", name: "Bella Buyer" };
let stage: WidgetStage;

beforeAll(async () => {
  stage = await WidgetStage.open();
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

const tag = (attributes: string): string =>
  `<script src="${stage.chat.url}/embed.js" ${attributes}></script>`;
const colourOf = (frame: FrameLocator, name: string): Promise<string> =>
  frame.locator(":root").evaluate((node, name) => getComputedStyle(node).getPropertyValue(name), name);

describe("the script's attributes", () => {
  test("a guest's launcher: side, language, theme, open from the start, and colours of the page's style", async () => {
    const style = "<style>:root{--duologue-accent:rgb(122, 62, 29);--duologue-ground:not a colour}</style>";
    const { page, frame } = await stage.show(
      `${style}<body>${tag('data-position="left" data-language="zh-CN" data-theme="dark" data-open')}`,
    );
    await frame.getByLabel("昵称").waitFor();
    const box = await page.locator("duologue-launcher button").boundingBox();
    expect(box?.x).toBeLessThan(100);
    expect(await frame.locator(":root").getAttribute("data-theme")).toBe("dark");
    expect(await frame.locator(":root").getAttribute("lang")).toBe("zh");
    const panel = page.locator("duologue-launcher .panel");
    const behind = await panel.evaluate((node) => getComputedStyle(node).backgroundColor);
    expect(behind).toBe("rgb(18, 18, 18)");
    expect(await colourOf(frame, "--accent")).toBe("rgb(122, 62, 29)");
    expect(await colourOf(frame, "--ground")).not.toContain("not a colour");
    await page.context().close();
  });

  test("without any, it follows the system's scheme and the page's language, and is closed", async () => {
    const { page, frame } = await stage.show(`<body>${tag("")}`, { colorScheme: "dark", locale: "zh-CN" });
    await page.getByRole("button", { name: "Open chat" }).click();
    await frame.getByLabel("Nickname").waitFor();
    const ground = await frame.locator("body").evaluate((node) => getComputedStyle(node).backgroundColor);
    expect(ground).toBe("rgb(22, 24, 29)");
    await page.context().close();
  });

  test("an element alone, without launcher, with the other person; attributes may change", async () => {
    const ann: Person = { sub: Bun.randomUUIDv7(), name: "Ann" };
    const peers = ["Ben", "Cleo"].map((name) => ({ sub: `${name} ${ann.sub}`, name }));
    const token = signToken(SECRET, ann, peers);
    const { page, frame } = await stage.show(
      `<body><duologue-chat peer="${peers[0]?.sub}" token="${token}"></duologue-chat>${tag('data-launcher="off"')}`,
    );
    await frame.getByRole("heading", { name: "Ben" }).waitFor();
    expect(await page.locator("duologue-launcher").count()).toBe(0);
    expect(await frame.locator(".sidebar").count()).toBe(0);
    expect(await frame.getByRole("button", { name: "Close" }).count()).toBe(0);
    await page.evaluate(
      (sub) => document.querySelector("duologue-chat")?.setAttribute("peer", sub),
      peers[1]?.sub ?? "",
    );
    await frame.getByRole("heading", { name: "Cleo" }).waitFor();
    await page.evaluate(() => {
      document.querySelector("duologue-chat")?.removeAttribute("peer");
      document.querySelector("duologue-chat")?.setAttribute("language", "zh");
    });
    await frame.getByPlaceholder("搜索").waitFor();
    await page.context().close();
  });

  test("an element that a script makes takes its tokens from a function, and goes with the element", async () => {
    const token = signToken(SECRET, { sub: Bun.randomUUIDv7(), name: "Dora" });
    const { page, frame } = await stage.show(`<body>${tag('data-launcher="off"')}`);
    await page.evaluate((token) => {
      const element = document.createElement("duologue-chat");
      element.getToken = async () => token;
      element.setAttribute("theme", "dark");
      document.body.append(element);
    }, token);
    await frame.locator(".sidebar > header", { hasText: "Dora" }).waitFor();
    expect(await frame.locator(":root").getAttribute("data-theme")).toBe("dark");
    await page.evaluate(() => document.querySelector("duologue-chat")?.remove());
    expect(await page.locator("iframe").count()).toBe(0);
    await page.context().close();
  });

  test("parts are reached by the page's style sheet", async () => {
    const { page } = await stage.show(
      `<style>duologue-launcher::part(launcher){border-radius:3px}duologue-launcher::part(panel){border-radius:5px}</style><body>${tag("data-open")}`,
    );
    await launcher(page).waitFor();
    const radius = (part: string): Promise<string> =>
      page
        .locator(`duologue-launcher [part=${part}]`)
        .evaluate((node) => getComputedStyle(node).borderRadius);
    expect([await radius("launcher"), await radius("panel")]).toEqual(["3px", "5px"]);
    await page.context().close();
  });

  test("as a module by its address, it brings the one global with which the page makes its own launcher", async () => {
    const { page, frame } = await stage.show(
      `<body><script type="module">import "${stage.chat.url}/embed.js";
       Duologue.create({ url: "${stage.chat.url}", open: true, language: "en" });</script>`,
    );
    await frame.getByLabel("Nickname").waitFor();
    await page.context().close();
  });
});

describe("who is logged in", () => {
  test("a guest picks a nickname, and is known again after a reload", async () => {
    const { page, frame } = await stage.show(`<body>${tag('data-open data-language="zh-CN"')}
      <script>addEventListener("duologue:ready", (event) => document.body.dataset.user = event.detail.user)</script>`);
    await frame.getByText("即可在此与本站的人一对一聊天").waitFor();
    await frame.getByLabel("昵称").fill("小明");
    await frame.getByRole("button", { name: "登录" }).click();
    const user = (): Promise<string | null> => page.locator("body[data-user]").getAttribute("data-user");
    const first = await user();
    expect(first).toStartWith("u_");
    await page.reload();
    expect(await user()).toBe(first);
    await page.context().close();
  });

  test("without a token it says so; with the next one it begins, and asks for another before that ends", async () => {
    const visit = await stage.visit(await stage.browser.person(), "/seller");
    const { page } = visit;
    await heard(page, "duologue:ready");
    const tokens = [20, 3600].map((lifetimeS) => signToken(SECRET, buyer, [], lifetimeS));
    await page.evaluate(
      ([url, tokens]) => {
        document.querySelector("duologue-chat")?.remove();
        const left = [undefined, ...tokens];
        Object.assign(window, { left });
        window.Duologue?.create({ url, open: true, getToken: async () => left.shift() });
      },
      [stage.chat.url, tokens] as const,
    );
    const frame = page.frameLocator("duologue-launcher iframe");
    await frame.getByText("Sign in on this site to chat.").waitFor();
    await frame.getByRole("button", { name: "Try again" }).click();
    await heard(page, "duologue:ready", 2);
    await page.waitForFunction(() => (window as unknown as { left: unknown[] }).left.length === 0);
    await frame.locator(".sidebar").waitFor();
    await leave(visit);
  });

  test("the site is asked for a token that names the peer, at first and whenever the chat does not know the next one", async () => {
    const { page, frame } = await stage.show(`<body>${tag('data-launcher="off"')}`);
    const wishes: string[] = [];
    const [one, two] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    const names = new Map([
      [one, "Seller One"],
      [two, "Seller Two"],
    ]);
    await page.exposeFunction("signFor", (sub: string) => {
      wishes.push(sub);
      return signToken(SECRET, buyer, [{ sub, name: names.get(sub) ?? "Nobody" }]);
    });
    await page.evaluate(
      ([url, peer]) => {
        const { signFor } = window as unknown as { signFor: (sub: string) => Promise<string> };
        const getToken = ({ peer }: { peer: string | undefined }): Promise<string> => signFor(peer ?? "");
        Object.assign(window, { chat: window.Duologue?.create({ url, peer, open: true, getToken }) });
      },
      [stage.chat.url, one] as const,
    );
    await frame.getByRole("heading", { name: "Seller One" }).waitFor();
    const show = (peer: string): Promise<void> =>
      page.evaluate((peer) => {
        (window as unknown as { chat: { change(settings: { peer: string }): void } }).chat.change({ peer });
      }, peer);
    await show(two);
    await frame.getByRole("heading", { name: "Seller Two" }).waitFor();
    await show(one);
    await frame.getByRole("heading", { name: "Seller One" }).waitFor();
    expect(wishes).toEqual([one, two]);
    await page.context().close();
  });

  test("a token that the chat refuses, and a peer whom no token names, are told in a sentence", async () => {
    const visit = await stage.visit(await stage.browser.person(), "/seller");
    const { page } = visit;
    await heard(page, "duologue:ready");
    const say = async (token: string, peer: string): Promise<FrameLocator> => {
      await page.evaluate(
        ([url, token, peer]) => {
          for (const old of document.querySelectorAll("duologue-chat, duologue-launcher")) old.remove();
          window.Duologue?.create({ url, peer, open: true, getToken: () => token });
        },
        [stage.chat.url, token, peer] as const,
      );
      return page.frameLocator("duologue-launcher iframe");
    };
    const forged = signToken("not the secret of this test, but as long", buyer);
    const good = signToken(SECRET, buyer);
    await (await say(forged, "seller")).getByText("The chat does not accept this site's sign-in.").waitFor();
    await (await say(good, "nobody")).getByText("This person is not in the chat.").waitFor();
    await (await say(good, "buyer")).getByText("This is you.").waitFor();
    await leave(visit);
  });
});

describe("the React app", () => {
  test("agrees with the widget's types", async () => {
    const { bin } = await Bun.file(join(root, "node_modules/typescript/package.json")).json();
    const script = join(root, "node_modules/typescript", bin.tsc);
    const check = Bun.spawn([process.execPath, script, "-p", "examples/react-app"], {
      cwd: root,
      stdout: "pipe",
    });
    expect(await new Response(check.stdout).text()).toBe("");
    expect(await check.exited).toBe(0);
  });

  test("has the widget as a module: the peer changes, messages arrive, and it goes with the component", async () => {
    const [ann, ben] = [await stage.browser.person(), await stage.browser.person()];
    const [annPage, benPage] = [await ann.newPage(), await ben.newPage()];
    const complaints = [annPage, benPage].map(complaintsOf);
    const [annFrame, benFrame] = [annPage.frameLocator("iframe"), benPage.frameLocator("iframe")];
    await annPage.goto(`${stage.appOrigin}/?person=ann`);
    await annPage.getByLabel("Write to").selectOption("cleo");
    await annPage.getByRole("button", { name: "Messages" }).click();
    await annFrame.getByRole("heading", { name: "cleo of the app" }).waitFor();
    await annPage.getByLabel("Write to").selectOption("ben");
    await annFrame.getByRole("heading", { name: "ben of the app" }).waitFor();
    await write(annFrame, "hello Ben");
    await benPage.goto(`${stage.appOrigin}/?person=ben`);
    await benPage.getByRole("button", { name: "Messages (1)" }).click();
    await messageOf(benFrame, "hello Ben").waitFor();
    await benPage.getByRole("button", { name: "Messages (0)" }).waitFor();
    await benPage.getByRole("button", { name: "Close chat" }).click();
    await write(annFrame, "are you there?");
    await benPage.getByRole("button", { name: "Messages (1)" }).waitFor();
    expect(complaints).toEqual([[], []]);
    await Promise.all([ann.close(), ben.close()]);
  });
});
