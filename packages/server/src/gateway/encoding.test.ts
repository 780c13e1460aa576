import { describe, expect, test } from "bun:test";
import { chooseEncoding, contentEncodings } from "./encoding.ts";
import { pageHeaders, servePage } from "./page.ts";

describe("the compressed form", () => {
  test.each([
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["GZIP;q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["*", "br"],
    ["br;q=0, *;q=0.1", "gzip"],
    ["identity", undefined],
    ["gzip;q=0", undefined],
    ["gzip;q=nonsense", undefined],
    ["", undefined],
  ])("for a client that takes %p is %p", (accepted, chosen) => {
    expect(chooseEncoding(accepted, contentEncodings)).toBe(chosen as undefined);
  });

  test("is one that there is", () => {
    expect(chooseEncoding("br, gzip", ["gzip"])).toBe("gzip");
    expect(chooseEncoding("br, gzip", [])).toBeUndefined();
  });

  test("is named in the answer, and caches are told what it hangs on", async () => {
    const gzip = new Uint8Array([1, 2]);
    const asset = {
      contentType: "text/css",
      body: new Uint8Array([3]),
      encodings: new Map([["gzip", gzip] as const]),
      immutable: true,
    };
    const answerTo = (accepted: string): Response =>
      servePage(
        new Map([["/a", asset]]),
        pageHeaders([]),
        new Request("http://localhost/a", { headers: { "Accept-Encoding": accepted } }),
        "/a",
      );
    const compressed = answerTo("br, gzip");
    expect(compressed.headers.get("content-encoding")).toBe("gzip");
    expect(compressed.headers.get("vary")).toBe("Accept-Encoding");
    expect(await compressed.bytes()).toEqual(gzip);
    const plain = answerTo("identity");
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(await plain.bytes()).toEqual(asset.body);
  });
});
