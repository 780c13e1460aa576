import { describe, expect, test } from "bun:test";
import { buildPage } from "./index.ts";

const text = (body: Uint8Array): string => new TextDecoder().decode(body);

describe("the page", () => {
  test("consists of a document, a script, a style sheet and an icon, and names nothing else", async () => {
    const files = await buildPage();
    expect(files.map((file) => file.contentType).toSorted()).toEqual([
      "image/svg+xml",
      "text/css; charset=utf-8",
      "text/html; charset=utf-8",
      "text/javascript; charset=utf-8",
    ]);
    const [document, ...assets] = files;
    expect(document).toMatchObject({ path: "/", immutable: false });
    const named = [...text(document?.body ?? new Uint8Array()).matchAll(/(?:src|href)="([^"]*)"/g)].map(
      (match) => match[1],
    );
    expect(named.toSorted()).toEqual(assets.map((asset) => asset.path).toSorted());
    for (const asset of assets)
      expect(asset).toMatchObject({
        immutable: true,
        path: expect.stringMatching(/^\/assets\/\w+\.\w+\.\w+$/),
      });
  });

  test("holds no script or style in the document, as its content security policy demands", async () => {
    const [document] = await buildPage();
    const html = text(document?.body ?? new Uint8Array());
    expect(html).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=/i);
    expect(html).not.toContain("{{");
  });

  test("never makes elements from text, and loads nothing from elsewhere", async () => {
    for (const { body, path } of await buildPage()) {
      const content = text(body);
      expect(content).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
      );
      const addresses = (content.match(/https?:\/\/[^\s"'`)]+/g) ?? []).filter(
        (one) => one !== "http://www.w3.org/2000/svg",
      );
      expect({ path, addresses }).toEqual({ path, addresses: [] });
    }
  });

  test("has the same names whenever the same sources are built", async () => {
    const [first, second] = [await buildPage(), await buildPage()];
    expect(second.map((file) => file.path)).toEqual(first.map((file) => file.path));
  });

  test("stays small: 30 KB compressed", async () => {
    const sizes = (await buildPage()).map(({ body }) => Bun.gzipSync(new Uint8Array(body)).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(30_000);
  });
});
