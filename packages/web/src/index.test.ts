import { describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { buildPage } from "./index.ts";

const text = (body: Uint8Array): string => new TextDecoder().decode(body);

/** Names of vocabularies look like addresses; nothing is loaded from them. */
function isName(address: string): boolean {
  return /^https?:\/\/(www\.w3\.org\/|$)/.test(address);
}

describe("the page", () => {
  test("consists of two documents, the widget's script, and the assets that the documents name", async () => {
    const files = await buildPage();
    const documents = files.filter((file) => file.contentType.startsWith("text/html"));
    const assets = files.filter((file) => file.immutable);
    expect(documents.map((file) => file.path)).toEqual(["/", "/embed"]);
    const named = documents.flatMap((file) =>
      [...text(file.body).matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1]),
    );
    expect(named.toSorted()).toEqual(assets.map((asset) => asset.path).toSorted());
    for (const asset of assets) expect(asset.path).toMatch(/^\/assets\/\w+\.\w+\.\w+$/);
    const others = files.filter((file) => !assets.includes(file) && !documents.includes(file));
    expect(others).toMatchObject([{ path: "/embed.js", contentType: "text/javascript; charset=utf-8" }]);
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
    ["the page's style", 12_000, /^\/assets\/style\./],
    ["the widget's frame", 70_000, /^\/embed$|^\/assets\/embed\./],
    ["what other sites load", 5000, /^\/embed\.js$/],
  ])("stays small: %s has at most %i bytes compressed", async (_, most, paths) => {
    const files = (await buildPage()).filter(({ path }) => paths.test(path));
    const sizes = files.map(({ body, encodings }) => (encodings.gzip ?? body).length);
    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(most);
  });
});
