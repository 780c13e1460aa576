import { describe, expect, test } from "bun:test";
import { hostUserId, issuerOf } from "./host-user.ts";

function tokenWith(claims: object): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `e30.${payload}.c2ln`;
}

describe("who somebody of the host page's site is", () => {
  test("the issuer is read from the token, in any script", () => {
    expect(issuerOf(tokenWith({ iss: "https://shop.example/商店" }))).toBe("https://shop.example/商店");
  });

  test.each([{}, { iss: 5 }])("a token without an issuer has the empty one: %j", (claims) => {
    expect(issuerOf(tokenWith(claims))).toBe("");
  });

  test.each(["", "guest-token", "a.b.c", `a.${btoa("null")}.c`])(
    "%j is no token of a site",
    async (token) => {
      expect(issuerOf(token)).toBeUndefined();
      expect(await hostUserId(token, "seller")).toBeUndefined();
    },
  );

  test("the same issuer and sub are the same user, others are others", async () => {
    const shop = tokenWith({ iss: "shop", sub: "buyer" });
    const first = await hostUserId(shop, "seller");
    expect(first).toMatch(/^h_[\w-]{22}$/);
    expect(await hostUserId(tokenWith({ iss: "shop" }), "seller")).toBe(first);
    expect(await hostUserId(shop, "buyer")).not.toBe(first);
    expect(await hostUserId(tokenWith({ iss: "other" }), "seller")).not.toBe(first);
  });
});
