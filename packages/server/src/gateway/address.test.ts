import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { clientAddress, formatAddress, isLoopback, parseTrustedProxies, rateKey } from "./address.ts";

const { trusted } = parseTrustedProxies(["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48", "::1"]);

function addressOf(peerAddress: string, forwardedFor?: string): string {
  return clientAddress({ peerAddress, forwardedFor, forwardedProto: undefined, trusted }).address;
}

function schemeOf(peerAddress: string, forwardedProto: string | null): string {
  return clientAddress({ peerAddress, forwardedFor: null, forwardedProto, trusted }).scheme;
}

const cases: readonly (readonly [
  what: string,
  peer: string,
  forwardedFor: string | undefined,
  client: string,
])[] = [
  ["no header: the peer", "203.0.113.9", undefined, "203.0.113.9"],
  ["no header from a proxy: the proxy", "10.0.0.1", undefined, "10.0.0.1"],
  ["an empty header from a proxy: the proxy", "10.0.0.1", "", "10.0.0.1"],
  ["a stranger's header is not believed", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["a stranger's header naming a trusted address is not believed", "203.0.113.9", "127.0.0.1", "203.0.113.9"],
  ["one proxy: its entry", "10.0.0.1", "203.0.113.9", "203.0.113.9"],
  [
    "one proxy, invented entries before its own: its own",
    "10.0.0.1",
    "1.1.1.1, 127.0.0.1, 203.0.113.9",
    "203.0.113.9",
  ],
  ["two proxies: the entry of the outer one", "10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"],
  ["two proxies and invented entries", "10.0.0.1", "8.8.8.8,203.0.113.9,10.0.0.2", "203.0.113.9"],
  ["nothing but proxies: the leftmost", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["garbage left of the client is not reached", "10.0.0.1", "unknown, <x>, 203.0.113.9", "203.0.113.9"],
  ["garbage at the right end: the peer", "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"],
  ["garbage between proxies: the peer", "10.0.0.1", "203.0.113.9, _hidden, 10.0.0.2", "10.0.0.1"],
  ["a trailing comma is garbage", "10.0.0.1", "203.0.113.9,", "10.0.0.1"],
  ["an octal address is garbage", "10.0.0.1", "0313.0.113.9", "10.0.0.1"],
  ["a decimal address is garbage", "10.0.0.1", "3405803785", "10.0.0.1"],
  ["a hexadecimal address is garbage", "10.0.0.1", "0xcb.0.113.9", "10.0.0.1"],
  ["an address out of range is garbage", "10.0.0.1", "203.0.113.256", "10.0.0.1"],
  ["an octal address inside IPv6 is garbage", "10.0.0.1", "::ffff:0313.0.113.9", "10.0.0.1"],
  ["a host name is garbage", "10.0.0.1", "evil.example", "10.0.0.1"],
  ["line breaks are garbage", "10.0.0.1", "203.0.113.9\r\nx: y", "10.0.0.1"],
  ["a port after IPv4 is dropped", "10.0.0.1", "203.0.113.9:4711", "203.0.113.9"],
  ["IPv6", "10.0.0.1", "2001:db8::9", "2001:db8::9"],
  ["IPv6 in brackets", "10.0.0.1", "[2001:db8::9]", "2001:db8::9"],
  ["IPv6 in brackets with a port", "10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"],
  ["IPv6 written out is shortened", "10.0.0.1", "2001:0DB8:0:0:0:0:0:0009", "2001:db8::9"],
  ["IPv4 mapped into IPv6 is IPv4", "10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
  ["a mapped peer is IPv4", "::ffff:203.0.113.9", undefined, "203.0.113.9"],
  ["a mapped proxy is trusted as IPv4", "::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
  ["a mapped proxy in hexadecimal is trusted as IPv4", "::ffff:a00:1", "203.0.113.9", "203.0.113.9"],
  ["a proxy in an IPv6 range", "2001:db8:1:2::3", "203.0.113.9", "203.0.113.9"],
  ["a neighbour of the IPv6 range", "2001:db8:2::3", "203.0.113.9", "2001:db8:2::3"],
  ["a neighbour of the IPv4 range", "11.0.0.1", "203.0.113.9", "11.0.0.1"],
  ["a link-local peer with a zone", "fe80::1%eth0", undefined, "fe80::1"],
  ["a peer that is no address (a Unix socket)", "", "203.0.113.9", ""],
];

describe("client addresses", () => {
  for (const [what, peer, forwardedFor, client] of cases) {
    test(`X-Forwarded-For, ${what}`, () => expect(addressOf(peer, forwardedFor)).toBe(client));
  }

  test("a header of thousands of proxies is not followed", () => {
    expect(addressOf("10.0.0.1", `203.0.113.9${", 10.0.0.2".repeat(5000)}`)).toBe("10.0.0.1");
    expect(addressOf("10.0.0.1", `203.0.113.9${", 10.0.0.2".repeat(10)}`)).toBe("203.0.113.9");
  });

  test("without trusted proxies the peer is the client", () => {
    const request = {
      peerAddress: "10.0.0.1",
      forwardedFor: "203.0.113.9",
      forwardedProto: "https",
      trusted: [],
    };
    expect(clientAddress(request)).toEqual({ address: "10.0.0.1", scheme: "http" });
  });

  test("the scheme is a trusted proxy's last word", () => {
    expect(schemeOf("10.0.0.1", "https")).toBe("https");
    expect(schemeOf("10.0.0.1", "HTTPS")).toBe("https");
    expect(schemeOf("10.0.0.1", "http, https")).toBe("https");
    expect(schemeOf("10.0.0.1", "https, http")).toBe("http");
    expect(schemeOf("10.0.0.1", "http")).toBe("http");
    expect(schemeOf("10.0.0.1", "wss")).toBe("http");
    expect(schemeOf("10.0.0.1", "")).toBe("http");
    expect(schemeOf("10.0.0.1", null)).toBe("http");
    expect(schemeOf("203.0.113.9", "https")).toBe("http");
  });

  test("whatever a client behind one proxy invents, its address is the proxy's entry", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (invented) => {
        expect(addressOf("10.0.0.1", `${invented},203.0.113.9`)).toBe("203.0.113.9");
        expect(addressOf("203.0.113.9", invented)).toBe("203.0.113.9");
      }),
    );
  });
});

describe("lists of trusted proxies", () => {
  test("everything wrong is told, and the rest is kept", () => {
    const wrong = [
      "",
      "localhost",
      "10.0.0.0/33",
      "10.0.0.0/",
      "::/129",
      "10.0.0.0/-1",
      "10.0.0.0/8/8",
      "0x0a.0.0.1",
      "::ffff:0.0.0.0/95",
    ];
    const parsed = parseTrustedProxies([...wrong, "192.0.2.0/24"]);
    expect(parsed.problems).toHaveLength(wrong.length);
    expect(parsed.problems[1]).toBe('"localhost" is not an IP address or range (10.0.0.0/8)');
    expect(parsed.trusted).toHaveLength(1);
  });

  test("ranges end where their bits say", () => {
    const trustedBy = (entry: string, peerAddress: string): boolean => {
      const list = parseTrustedProxies([entry]).trusted;
      return (
        clientAddress({ peerAddress, forwardedFor: "8.8.8.8", forwardedProto: null, trusted: list })
          .address === "8.8.8.8"
      );
    };
    expect(trustedBy("192.0.2.0/24", "192.0.2.255")).toBe(true);
    expect(trustedBy("192.0.2.0/24", "192.0.3.0")).toBe(false);
    expect(trustedBy("192.0.2.7", "192.0.2.7")).toBe(true);
    expect(trustedBy("192.0.2.7", "192.0.2.8")).toBe(false);
    expect(trustedBy(" ::ffff:192.0.2.0/120 ", "192.0.2.9")).toBe(true);
    expect(trustedBy("::ffff:192.0.2.0/120", "192.0.3.9")).toBe(false);
    expect(trustedBy("0.0.0.0/0", "2001:db8::1")).toBe(false);
    expect(trustedBy("::/0", "2001:db8::1")).toBe(true);
    expect(trustedBy("::/0", "192.0.2.7")).toBe(false);
  });
});

describe("what addresses are counted and shown under", () => {
  test("limits count an IPv4 address whole and an IPv6 address by its /64", () => {
    expect(rateKey("203.0.113.9")).toBe("203.0.113.9");
    expect(rateKey("::ffff:203.0.113.9")).toBe("203.0.113.9");
    expect(rateKey("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(rateKey("2001:db8:1:2:ffff:ffff:ffff:ffff")).toBe(rateKey("2001:db8:1:2::1"));
    expect(rateKey("2001:db8:1:3::1")).not.toBe(rateKey("2001:db8:1:2::1"));
    expect(rateKey("fe80::1%eth0")).toBe("fe80::/64");
    expect(rateKey("")).toBe("");
  });

  test("loopback is 127.0.0.0/8 and ::1", () => {
    for (const address of ["127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"])
      expect(isLoopback(address)).toBe(true);
    for (const address of ["128.0.0.1", "::", "::2", "0.0.0.0", "10.0.0.1", "localhost", ""]) {
      expect(isLoopback(address)).toBe(false);
    }
  });

  test("an address with its port has brackets when it is IPv6", () => {
    expect(formatAddress("203.0.113.9", 80)).toBe("203.0.113.9:80");
    expect(formatAddress("::ffff:203.0.113.9", 80)).toBe("203.0.113.9:80");
    expect(formatAddress("2001:DB8:0::1", 9090)).toBe("[2001:db8::1]:9090");
    expect(formatAddress("fe80::1%eth0", 1)).toBe("[fe80::1]:1");
  });
});
