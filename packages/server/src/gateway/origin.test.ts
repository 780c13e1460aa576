import { describe, expect, test } from "bun:test";
import { findOriginProblem, isOriginAllowed, type OriginCheck, parseOrigin } from "./origin.ts";

const server = { host: "chat.example.com", scheme: "https", allowed: [] } as const;
const listed = {
  ...server,
  allowed: ["https://shop.example", "http://dev.example:3000", "capacitor://localhost"],
};

const allowedCases: readonly (readonly [string, OriginCheck])[] = [
  ["its own origin", { ...server, origin: "https://chat.example.com" }],
  ["its own origin in capitals", { ...server, origin: "HTTPS://Chat.Example.COM" }],
  ["a Host in capitals", { ...server, host: "CHAT.example.com", origin: "https://chat.example.com" }],
  [
    "a Host that names the default port",
    { ...server, host: "chat.example.com:443", origin: "https://chat.example.com" },
  ],
  ["an Origin that names the default port", { ...server, origin: "https://chat.example.com:443" }],
  [
    "its own origin on a port",
    { ...server, host: "chat.example.com:8443", origin: "https://chat.example.com:8443" },
  ],
  ["plain http", { ...server, scheme: "http", origin: "http://chat.example.com" }],
  [
    "plain http, default port named",
    { ...server, scheme: "http", host: "chat.example.com:80", origin: "http://chat.example.com" },
  ],
  ["localhost", { ...server, scheme: "http", host: "localhost:9090", origin: "http://localhost:9090" }],
  ["an IPv4 address", { ...server, scheme: "http", host: "192.0.2.7:9090", origin: "http://192.0.2.7:9090" }],
  [
    "an IPv6 address",
    { ...server, scheme: "http", host: "[2001:db8::1]:9090", origin: "http://[2001:db8::1]:9090" },
  ],
  [
    "an IPv6 Host in capitals",
    { ...server, scheme: "http", host: "[2001:DB8::1]", origin: "http://[2001:db8::1]" },
  ],
  [
    "a container's name with a low line",
    { ...server, scheme: "http", host: "my_chat:9090", origin: "http://my_chat:9090" },
  ],
  [
    "an international name in its ASCII form",
    { ...server, host: "xn--bcher-kva.example", origin: "https://xn--bcher-kva.example" },
  ],
  ["a listed origin", { ...listed, origin: "https://shop.example" }],
  ["a listed origin that names the default port", { ...listed, origin: "https://shop.example:443" }],
  ["a listed origin on a port", { ...listed, origin: "http://dev.example:3000" }],
  ["a listed app's origin", { ...listed, origin: "capacitor://localhost" }],
  ["a listed origin when the Host is malformed", { ...listed, host: "a b", origin: "https://shop.example" }],
];

/** Against https://chat.example.com, with and without a list of other origins. */
const hostileOrigins: readonly (readonly [string, string])[] = [
  ["null, of a sandboxed frame or a file", "null"],
  ["nothing", ""],
  ["a space", " "],
  ["a star", "*"],
  ["the bare host", "chat.example.com"],
  ["no scheme", "//chat.example.com"],
  ["a scheme without a host", "https://"],
  ["one slash", "https:/chat.example.com"],
  ["backslashes", "https:\\\\chat.example.com"],
  ["another scheme", "http://chat.example.com"],
  ["a WebSocket's scheme", "wss://chat.example.com"],
  ["a file", "file://chat.example.com"],
  ["an extension", "chrome-extension://chat.example.com"],
  ["a script", "javascript://chat.example.com"],
  ["data", "data:text/html,chat.example.com"],
  ["another port", "https://chat.example.com:8443"],
  ["http's port", "https://chat.example.com:80"],
  ["an empty port", "https://chat.example.com:"],
  ["port 0", "https://chat.example.com:0"],
  ["a port with a leading zero", "https://chat.example.com:0443"],
  ["a port out of range", "https://chat.example.com:65979"],
  ["a port in hexadecimal", "https://chat.example.com:0x1bb"],
  ["a suffix", "https://chat.example.com.evil.com"],
  ["a suffix that begins with a hyphen", "https://chat.example.com-evil.com"],
  ["a prefix", "https://evilchat.example.com"],
  ["a subdomain", "https://evil.chat.example.com"],
  ["the parent domain", "https://example.com"],
  ["a dot replaced", "https://chatxexample.com"],
  ["the name in another domain", "https://example.com.chat"],
  ["a trailing dot", "https://chat.example.com."],
  ["an empty label", "https://chat..example.com"],
  ["a leading dot", "https://.chat.example.com"],
  ["a trailing slash", "https://chat.example.com/"],
  ["a path", "https://chat.example.com/login"],
  ["the name as a path", "https://evil.com/chat.example.com"],
  ["a query", "https://chat.example.com?x"],
  ["the name as a fragment", "https://evil.com#chat.example.com"],
  ["user-info", "https://chat.example.com@evil.com"],
  ["user-info before the right host", "https://evil@chat.example.com"],
  ["a password", "https://evil.com:443@chat.example.com"],
  ["two values", "https://chat.example.com, https://evil.com"],
  ["two values, ours last", "https://evil.com,https://chat.example.com"],
  ["two values with a space", "https://chat.example.com https://evil.com"],
  ["the same value twice", "https://chat.example.com, https://chat.example.com"],
  ["a space before", " https://chat.example.com"],
  ["a space after", "https://chat.example.com "],
  ["a tab inside, which URL parsers drop", "https://chat.exam\tple.com"],
  ["a line break at the end", "https://chat.example.com\n"],
  ["a header injected", "https://chat.example.com\r\nX: y"],
  ["NUL", "https://chat.example.com\u0000.evil.com"],
  ["a Cyrillic a", "https://ch\u0430t.example.com"],
  ["that name in Punycode", "https://xn--cht-7cd.example.com"],
  ["full-width letters, which URL parsers fold", "https://\uff43\uff48\uff41\uff54.example.com"],
  ["an ideographic full stop, which URL parsers fold", "https://chat\u3002example.com"],
  ["a zero-width space", "https://chat.exa\u200bmple.com"],
  ["percent-encoding", "https://chat%2eexample.com"],
  ["a quote", 'https://chat.example.com"'],
  ["a wildcard", "https://*.example.com"],
  ["broken Punycode", "https://xn--a.example.com"],
  ["very long", `https://${"a".repeat(100_000)}.chat.example.com`],
  ["very many labels", `https://${"a.".repeat(200)}chat.example.com`],
];

/** Against http://127.0.0.1:9090 and http://[::1]:9090: other spellings that browsers would turn into the address. */
const hostileAddresses: readonly (readonly [string, string, string])[] = [
  ["an address in decimal", "127.0.0.1:9090", "http://2130706433:9090"],
  ["an address in hexadecimal", "127.0.0.1:9090", "http://0x7f000001:9090"],
  ["an address in octal", "127.0.0.1:9090", "http://0177.0.0.1:9090"],
  ["a short address", "127.0.0.1:9090", "http://127.1:9090"],
  ["an address with leading zeros", "127.0.0.1:9090", "http://127.000.000.001:9090"],
  ["an address with a trailing dot", "127.0.0.1:9090", "http://127.0.0.1.:9090"],
  ["localhost for its address", "127.0.0.1:9090", "http://localhost:9090"],
  ["an address for localhost", "localhost:9090", "http://127.0.0.1:9090"],
  ["an address as a label", "127.0.0.1:9090", "http://127.0.0.1.evil.com:9090"],
  ["IPv4 mapped into IPv6", "127.0.0.1:9090", "http://[::ffff:127.0.0.1]:9090"],
  ["IPv4 mapped into IPv6, in hexadecimal", "127.0.0.1:9090", "http://[::ffff:7f00:1]:9090"],
  ["IPv6 written out", "[::1]:9090", "http://[0:0:0:0:0:0:0:1]:9090"],
  ["IPv6 with leading zeros", "[::1]:9090", "http://[::0001]:9090"],
  ["IPv6 without brackets", "[::1]:9090", "http://::1:9090"],
  ["IPv6 with a zone", "[::1]:9090", "http://[::1%25lo]:9090"],
  ["IPv6 with an open bracket", "[::1]:9090", "http://[::1:9090"],
];

const hostileHosts: readonly (readonly [string, string, string])[] = [
  ["empty", "", "https://chat.example.com"],
  ["with a path", "chat.example.com/x", "https://chat.example.com"],
  ["with user-info", "evil@chat.example.com", "https://chat.example.com"],
  ["two hosts", "chat.example.com, evil.com", "https://evil.com"],
  ["with a trailing dot", "chat.example.com.", "https://chat.example.com."],
  ["with a trailing dot on one side", "chat.example.com.", "https://chat.example.com"],
  ["short address", "127.1", "https://127.0.0.1"],
  ["full-width", "\uff43hat.example.com", "https://chat.example.com"],
  ["very long", `${"a".repeat(10_000)}.com`, "https://a.com"],
];

describe("origins", () => {
  for (const [what, check] of allowedCases) {
    test(`[CN2] allowed: ${what}`, () => {
      expect(isOriginAllowed(check)).toBe(true);
      expect(findOriginProblem(check)).toBeUndefined();
    });
  }

  for (const [what, origin] of hostileOrigins) {
    test(`[CN2] refused: ${what}`, () => {
      expect(isOriginAllowed({ ...server, origin })).toBe(false);
      expect(isOriginAllowed({ ...listed, origin })).toBe(false);
      expect(isOriginAllowed({ ...server, origin, allowed: ["https://chat.example.com"] })).toBe(false);
    });
  }

  for (const [what, host, origin] of hostileAddresses) {
    test(`[CN2] refused: ${what}`, () => {
      expect(isOriginAllowed({ host, origin, scheme: "http", allowed: [] })).toBe(false);
    });
  }

  for (const [what, host, origin] of hostileHosts) {
    test(`[CN2] refused: a Host header that is ${what}`, () => {
      expect(isOriginAllowed({ ...server, host, origin })).toBe(false);
    });
  }

  test("[CN2] refused: the Kelvin sign and the dotted I, which lower-case to ASCII letters", () => {
    const check = { host: "kiosk.example", scheme: "https", allowed: ["https://kiosk.example"] } as const;
    expect(isOriginAllowed({ ...check, origin: "https://KIOSK.example" })).toBe(true);
    expect(isOriginAllowed({ ...check, origin: "https://\u212aiosk.example" })).toBe(false);
    expect(isOriginAllowed({ ...check, origin: "https://k\u0130osk.example" })).toBe(false);
    expect(isOriginAllowed({ ...check, origin: "https://kio\u017fk.example" })).toBe(false);
    expect(
      isOriginAllowed({ ...check, allowed: [], host: "\u212aiosk.example", origin: "https://kiosk.example" }),
    ).toBe(false);
  });

  test("[CN2] http and https are different origins, both ways", () => {
    expect(isOriginAllowed({ ...server, origin: "http://chat.example.com" })).toBe(false);
    expect(isOriginAllowed({ ...server, scheme: "http", origin: "https://chat.example.com" })).toBe(false);
    expect(
      isOriginAllowed({ ...server, scheme: "http", host: "a.example:443", origin: "https://a.example" }),
    ).toBe(false);
  });

  test("[CN2] a listed origin is no pattern", () => {
    const check = { ...server, allowed: ["https://example.org"] };
    expect(isOriginAllowed({ ...check, origin: "https://example.org.evil.com" })).toBe(false);
    expect(isOriginAllowed({ ...check, origin: "https://a.example.org" })).toBe(false);
    expect(isOriginAllowed({ ...check, origin: "https://example.or" })).toBe(false);
    expect(isOriginAllowed({ ...check, origin: "http://example.org" })).toBe(false);
    expect(isOriginAllowed({ ...check, allowed: ["*"], origin: "https://example.org" })).toBe(false);
    expect(isOriginAllowed({ ...check, allowed: ["null", ""], origin: "null" })).toBe(false);
    expect(isOriginAllowed({ ...check, allowed: ["null", ""], origin: "" })).toBe(false);
  });

  test("the reason names both origins, and repeats nothing malformed", () => {
    expect(findOriginProblem({ ...server, origin: "https://evil.com" })).toBe(
      "The origin https://evil.com is neither this server's own (https://chat.example.com) nor on its list of allowed origins.",
    );
    expect(findOriginProblem({ ...server, host: "<b>", origin: "https://evil.com" })).not.toContain("<b>");
    expect(findOriginProblem({ ...server, origin: "<script>" })).not.toContain("<script>");
  });

  test("an operator's entry is read into the form that is compared", () => {
    expect(parseOrigin("HTTPS://Shop.Example:443")).toBe("https://shop.example");
    expect(parseOrigin("http://shop.example:80")).toBe("http://shop.example");
    expect(parseOrigin("http://shop.example:443")).toBe("http://shop.example:443");
    expect(parseOrigin("https://shop.example/")).toBeUndefined();
    expect(parseOrigin("shop.example")).toBeUndefined();
    expect(parseOrigin("https://*.shop.example")).toBeUndefined();
  });
});
