import { describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { buildPage } from "./index.ts";

const text = (body: Uint8Array): string => new TextDecoder().decode(body);

/** Names of vocabularies look like addresses; nothing is loaded from them. */
function isName(address: string): boolean {
  return /^https?:\/\/(www\.w3\.org\/|$)/.test(address);
}

describe("the page", () => {
  test("consists of two documents, what makes it an application, the widget's script, and assets, all named somewhere", async () => {
    const files = await buildPage();
    const documents = files.filter((file) => file.contentType.startsWith("text/html"));
    const assets = files.filter((file) => file.immutable);
    expect(documents.map((file) => file.path)).toEqual(["/", "/embed"]);
    const texts = files
      .filter(({ contentType }) => !contentType.startsWith("image/"))
      .map(({ body }) => text(body));
    for (const { path } of assets) {
      expect(path).toMatch(/^\/assets\/\w+\.\w+\.\w+$/);
      // A part is named by what loads it, relative to that.
      const file = path.replace("/assets/", "");
      expect(texts.some((one) => one.includes(path) || one.includes(`"./${file}"`))).toBe(true);
    }
    const others = files.filter((file) => !assets.includes(file) && !documents.includes(file));
    expect(others.map(({ path, contentType }) => [path, contentType])).toEqual([
      ["/manifest.webmanifest", "application/manifest+json"],
      ["/service-worker.js", "text/javascript; charset=utf-8"],
      ["/embed.js", "text/javascript; charset=utf-8"],
    ]);
  });

  test("can be installed: its manifest names icons that are there, one of them maskable", async () => {
    const files = await buildPage();
    const manifest = JSON.parse(
      text(files.find(({ path }) => path === "/manifest.webmanifest")?.body ?? new Uint8Array()),
    );
    expect(manifest).toMatchObject({ name: "Duologue", display: "standalone", start_url: "/", scope: "/" });
    const icons: { src: string; type: string; purpose: string }[] = manifest.icons;
    expect(icons.map(({ purpose }) => purpose).toSorted()).toEqual(["any", "any", "maskable"]);
    for (const { src, type } of icons) expect(files.find(({ path }) => path === src)?.contentType).toBe(type);
  });

  test("keeps all of its files for a start without the server, and none of the widget's or of the server's own", async () => {
    const files = await buildPage();
    const worker = text(files.find(({ path }) => path === "/service-worker.js")?.body ?? new Uint8Array());
    const kept = [...worker.matchAll(/"(\/[^"]*)"/g)].map(([, path]) => path);
    for (const { path, immutable } of files) {
      const isEmbed = path.startsWith("/embed") || path.startsWith("/assets/embed.");
      if (immutable && !isEmbed && !path.startsWith("/assets/part.")) expect(kept).toContain(path);
      if (isEmbed) expect(kept).not.toContain(path);
    }
    expect(kept).toEqual(expect.arrayContaining(["/", "/manifest.webmanifest"]));
    expect(kept.filter((path) => path === "/healthz" || path === "/readyz")).toEqual([]);
  });

  test("holds no script or style in the document, as its content security policy demands", async () => {
    const files = await buildPage();
    for (const file of files.filter(({ contentType }) => contentType.startsWith("text/html"))) {
      expect(text(file.body)).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=/i);
      expect(text(file.body)).not.toContain("{{");
    }
  });

  test("never makes elements from text; of Preact, which could, the content security policy forbids it", async () => {
    for (const { body, path } of await buildPage()) {
      const isWithPreact = /^\/assets\/(app|embed)\./.test(path);
      expect(text(body)).not.toMatch(/insertAdjacentHTML|document\.write|\beval\(|new Function/);
      if (!isWithPreact) expect(text(body)).not.toMatch(/innerHTML|outerHTML/);
    }
  });

  test("loads nothing from elsewhere", async () => {
    for (const { body, path } of await buildPage()) {
      const addresses = (text(body).match(/https?:\/\/[^\s"'`)]+/g) ?? []).filter((one) => !isName(one));
      expect({ path, addresses }).toEqual({ path, addresses: [] });
    }
  });

  test("has the same names whenever the same sources are built", async () => {
    const [first, second] = [await buildPage(), await buildPage()];
    expect(second.map((file) => file.path)).toEqual(first.map((file) => file.path));
  });

  test("is there compressed, wherever that is smaller, and comes out of it as it was", async () => {
    for (const { path, body, encodings } of await buildPage()) {
      if (path.endsWith(".js") || path.endsWith(".css"))
        expect(Object.keys(encodings)).toEqual(["br", "gzip"]);
      if (encodings.br !== undefined) expect(brotliDecompressSync(encodings.br)).toEqual(Buffer.from(body));
      if (encodings.gzip !== undefined) expect(gunzipSync(encodings.gzip)).toEqual(Buffer.from(body));
      for (const bytes of Object.values(encodings)) expect(bytes.length).toBeLessThan(body.length);
    }
  });

  test.each([
    ["the page's script", 60_000, /^\/assets\/app\./],
    ["what the page loads when it needs it", 14_000, /^\/assets\/part\./],
    ["the service worker", 1_500, /^\/service-worker\.js$/],
    ["the page's style", 12_000, /^\/assets\/style\./],
    ["the widget's frame", 60_000, /^\/embed$|^\/assets\/embed\./],
    ["what other sites load", 5000, /^\/embed\.js$/],
  ])("stays small: %s has at most %i bytes compressed", async (_, most, paths) => {
    const files = (await buildPage()).filter(({ path }) => paths.test(path));
    const sizes = files.map(({ body, encodings }) => (encodings.gzip ?? body).length);
    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(most);
  });
});
