/** SPEC.md, HT10: people of the embedding site who are written to before they ever came. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Server, startServer } from "@duologue/testing";
import { refused, refusedWith, SECRET, signed, someone } from "./harness/host-site.ts";
import { freshName, Peer } from "./harness/peer.ts";

setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), "duologue-peers-"));
let server: Server;

beforeAll(async () => {
  const secretFile = join(directory, "secret");
  writeFileSync(secretFile, SECRET, { mode: 0o600 });
  server = await startServer({ workers: 2, options: ["--host-secret-file", secretFile] });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** What HT3 makes of a `sub` without an `iss`. */
function userOf(sub: string): string {
  return `h_${createHash("sha256").update(`\0${sub}`).digest("base64url").slice(0, 22)}`;
}

describe("people whom a token names", () => {
  test("[HT10] people whom the token names can be written to before they ever came, and read it when they do", async () => {
    const [seller, other] = [someone(), someone()];
    await using buyer = await Peer.connect(server.url, {
      token: signed({ ...someone(), peers: [seller, other] }),
    });
    const { id, peer } = await buyer.open(userOf(seller.sub));
    expect(peer).toEqual({ id: userOf(seller.sub), name: seller.name, kind: "member" });
    await buyer.say(id, "is it still there?");
    await using late = await Peer.connect(server.url, { token: signed(seller) });
    expect(late.id).toBe(peer.id);
    const { conversations } = await late.ask({ type: "conversations" }, "conversations");
    expect(conversations).toMatchObject([{ id, unread: 1, peer: { id: buyer.id } }]);
    const { users } = await buyer.ask({ type: "search", query: other.name }, "users");
    expect(users).toEqual([{ id: userOf(other.sub), name: other.name, kind: "member", online: false }]);
  });

  test("[HT10] the next token makes people known too, and changes nobody who is", async () => {
    const [ann, ben, cleo] = [someone(), someone(), someone()];
    await using known = await Peer.connect(server.url, { token: signed(ben) });
    await using peer = await Peer.connect(server.url, { token: signed(ann) });
    expect((await peer.refusal({ type: "open", user: userOf(cleo.sub) })).code).toBe("user_unknown");
    const peers = [cleo, { sub: ben.sub, name: freshName("Not Ben") }, cleo];
    await peer.ask({ type: "token", token: signed({ ...ann, peers }) }, "token-accepted");
    expect((await peer.open(userOf(cleo.sub))).peer.name).toBe(cleo.name);
    expect((await peer.open(known.id)).peer.name).toBe(ben.name);
  });

  test("[HT10] a list that is too long or not as it must be is refused, and nobody is made by it", async () => {
    const [ann, stranger] = [someone(), someone()];
    const wrong: unknown[] = [
      Array.from({ length: 21 }, () => ({ sub: Bun.randomUUIDv7(), name: "Some One" })),
      { ...stranger },
      [stranger, null],
      [stranger, "seller"],
      [stranger, { sub: "s7" }],
      [stranger, { sub: "", name: "Sam" }],
      [stranger, { sub: 7, name: "Sam" }],
      [stranger, { sub: "s7", name: "a\u202eb" }],
    ];
    for (const peers of wrong) {
      expect([peers, await refused(server.url, { token: signed({ ...ann, peers }) })]).toEqual([
        peers,
        refusedWith("token_invalid"),
      ]);
    }
    const forged = signed({ ...ann, peers: [stranger] }, `${SECRET}.`);
    expect((await refused(server.url, { token: forged })).code).toBe("token_invalid");
    await using peer = await Peer.connect(server.url, { token: signed(ann) });
    expect((await peer.refusal({ type: "open", user: userOf(stranger.sub) })).code).toBe("user_unknown");
  });
});
