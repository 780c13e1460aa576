/** The widget on somebody's site. */
import { startServer, type TestBrowser } from "@duologue/testing";
import type { FrameLocator, Page } from "playwright-core";
import { Camera, type Device, devices, type FileOf } from "./camera.ts";
import { type Cast, casts, type Language } from "./talk.ts";

/** A small shop, with room in the corner. */
function shopOf({ shop, locale }: Cast, chatUrl: string, attributes: string): string {
  const goods = shop.goods.map(
    (name, index) =>
      `<li style="--hue:${90 + index * 35}"><span></span><strong>${name}</strong><em>${shop.price}</em></li>`,
  );
  return `<!doctype html><html lang="${locale}"><meta name="viewport" content="width=device-width"><title>${shop.name}</title>
<style>
  :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
  body { margin: 0; background: light-dark(#faf7f2, #1c1a17); color: light-dark(#2c261d, #efe9df); }
  header { padding: 1.25rem 6vw; border-bottom: 1px solid light-dark(#e6ddce, #38332b); }
  h1 { margin: 0; font: 600 1.6rem Georgia, serif; }
  ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1.5rem; padding: 2rem 6vw; margin: 0; list-style: none; }
  li { display: grid; gap: 0.4rem; }
  li span { aspect-ratio: 4 / 3; border-radius: 8px; background: light-dark(hsl(var(--hue) 35% 78%), hsl(var(--hue) 25% 30%)); }
  em { color: light-dark(#77694f, #b5a88f); font-style: normal; }
</style>
<header><h1>${shop.name}</h1></header><main><ul>${goods.join("")}</ul></main>
<script src="${chatUrl}/embed.js" ${attributes}></script></html>`;
}

async function join(page: Page, name: string): Promise<FrameLocator> {
  const frame = page.frameLocator("iframe");
  await frame.locator("#nickname").fill(name);
  await frame.locator("#nickname").press("Enter");
  await frame.locator("#nickname").waitFor({ state: "detached" });
  return frame;
}

async function write(frame: FrameLocator, text: string): Promise<void> {
  await frame.locator("textarea").fill(text);
  await frame.locator("textarea").press("Enter");
  await frame.getByRole("log").getByText(text).waitFor();
}

export async function shootWidget(
  browser: TestBrowser,
  fileOf: FileOf,
  device: Device,
  language: Language,
): Promise<void> {
  const cast = casts[language];
  let page = "";
  const host = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8" } }),
  });
  const origin = `http://127.0.0.1:${host.port}`;
  await using server = await startServer({ options: ["--embed-origins", origin] });
  page = shopOf(cast, server.url, "data-open");
  const options = { ...devices[device], locale: cast.locale, timezoneId: "UTC" };
  const [customer, seller] = [await browser.person(options), await browser.person(options)];
  const [customerPage, sellerPage] = [await customer.newPage(), await seller.newPage()];
  const camera = new Camera(fileOf, device, language);
  await Promise.all([customerPage.goto(origin), sellerPage.goto(origin)]);
  await customerPage.frameLocator("iframe").locator("#nickname").waitFor();
  await camera.take(customerPage, "widget-sign-in");
  const mine = await join(customerPage, cast.me);
  const theirs = await join(sellerPage, cast.peer);
  await mine.getByRole("button", { name: cast.peer }).click();
  await write(mine, cast.question);
  await theirs.getByRole("button", { name: cast.me }).click();
  await write(theirs, cast.answer);
  await mine.getByRole("log").getByText(cast.answer).waitFor();
  await camera.take(customerPage, "widget");
  page = shopOf(cast, server.url, "");
  await customerPage.reload();
  await theirs.locator("textarea").fill(cast.answer);
  await theirs.locator("textarea").press("Enter");
  await customerPage.locator(".badge", { hasText: /\d/ }).waitFor();
  await camera.take(customerPage, "widget-closed");
  await Promise.all([customer.close(), seller.close()]);
  await host.stop(true);
}
