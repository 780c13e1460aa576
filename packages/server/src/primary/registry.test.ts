import { describe, expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { JoinRequest, LobbyChange } from "../ports/presence.ts";
import { Registry } from "./registry.ts";

function setUp(classicUsers = 100) {
  const clock = new FakeClock();
  const changes: LobbyChange[] = [];
  const onChange = (change: LobbyChange): void => void changes.push(change);
  const registry = new Registry({ clock, graceMs: 5_000, leaseMs: 6_000, classicUsers, onChange });
  return { clock, changes, registry };
}

function guest(id: string, name = id): JoinRequest {
  return { id, name, kind: "guest", nameKeys: [name.toLowerCase()], address: undefined };
}

function visitor(id: string, address: string): JoinRequest {
  return { id, name: id, kind: "classic", nameKeys: [id], address };
}

const idsOf = (users: readonly { readonly id: string }[]): string[] => users.map(({ id }) => id);

describe("registry", () => {
  test("tells what one turn brought in one change, in order of login", () => {
    const { clock, changes, registry } = setUp();
    registry.join(1, guest("a"));
    registry.join(2, guest("b"));
    clock.endTurn();
    expect(changes.map(({ joined }) => idsOf(joined))).toEqual([["a", "b"]]);
  });

  test("one user on many connections is one entry, and leaves with the last", () => {
    const { clock, changes, registry } = setUp();
    registry.join(1, guest("a"));
    registry.join(2, guest("a"));
    registry.leave(1, "a", true);
    clock.endTurn();
    expect(registry.size).toBe(1);
    registry.leave(2, "a", true);
    clock.endTurn();
    expect(changes.map(({ joined, left }) => [idsOf(joined), idsOf(left)])).toEqual([
      [["a"], []],
      [[], ["a"]],
    ]);
  });

  test("[HT4] a member's name may be anybody's, but a guest may not take it", () => {
    const { registry } = setUp();
    const member = (id: string, name: string): JoinRequest => ({ ...guest(id, name), kind: "member" });
    expect(registry.join(1, guest("a", "Ann")).ok).toBe(true);
    expect(registry.join(1, member("b", "Ann")).ok).toBe(true);
    expect(registry.join(2, member("c", "Cem"))).toMatchObject({ ok: true, user: { kind: "member" } });
    expect(registry.rename("c", "Ann", ["ann"]).ok).toBe(true);
    expect(registry.join(2, guest("d", "Ann"))).toEqual({ ok: false, reason: "name_taken" });
  });

  test("[LB5] a guest who comes back within the grace has never left", () => {
    const { clock, changes, registry } = setUp();
    registry.join(1, guest("a"));
    registry.leave(1, "a", false);
    clock.advance(4_999);
    registry.join(2, guest("a"));
    clock.advance(60_000);
    expect(changes).toHaveLength(1);
    registry.leave(2, "a", false);
    clock.advance(5_001);
    expect(registry.size).toBe(0);
  });

  test("a dead worker's guests keep their place for the lease, its classic users go at once", () => {
    const { clock, changes, registry } = setUp();
    registry.join(1, guest("a"));
    registry.join(1, visitor("v", "10.0.0.1:1"));
    registry.join(2, guest("b"));
    clock.endTurn();
    registry.workerGone(1);
    clock.endTurn();
    expect(idsOf(changes.at(-1)?.left ?? [])).toEqual(["v"]);
    clock.advance(6_001);
    expect(idsOf(changes.at(-1)?.left ?? [])).toEqual(["a"]);
    expect(idsOf(registry.all())).toEqual(["b"]);
  });

  test("[NK4] a name key held by somebody else is refused, one's own is not in the way", () => {
    const { registry } = setUp();
    expect(registry.join(1, guest("a", "Alice")).ok).toBe(true);
    expect(registry.join(2, guest("b", "ALICE"))).toEqual({ ok: false, reason: "name_taken" });
    expect(registry.join(2, guest("a", "Alice")).ok).toBe(true);
    expect(
      registry.firstFree([
        { name: "alice", nameKeys: ["alice"] },
        { name: "alice 2", nameKeys: ["alice2"] },
      ]),
    ).toBe("alice 2");
  });

  test("[HL3] a guest keeps the name they are here under, though a member came under it since", () => {
    const { registry } = setUp();
    registry.join(1, guest("a", "Ann"));
    expect(registry.join(2, { ...guest("m", "Ann"), kind: "member" }).ok).toBe(true);
    expect(registry.join(2, guest("a", "Ann")).ok).toBe(true);
    expect(registry.join(2, guest("b", "Ann"))).toEqual({ ok: false, reason: "name_taken" });
  });

  test("a name is free again after a rename and after its owner left", () => {
    const { clock, registry } = setUp();
    registry.join(1, guest("a", "Alice"));
    expect(registry.rename("a", "Ada", ["ada"]).ok).toBe(true);
    expect(registry.join(1, guest("b", "Alice")).ok).toBe(true);
    registry.leave(1, "b", true);
    clock.endTurn();
    expect(registry.join(1, guest("c", "Alice")).ok).toBe(true);
  });

  test("[CL2] classic users may share a name; a guest may not take it", () => {
    const { registry } = setUp();
    expect(registry.join(1, { ...visitor("v1", "10.0.0.1:1"), nameKeys: ["bob"] }).ok).toBe(true);
    expect(registry.join(1, { ...visitor("v2", "10.0.0.1:2"), nameKeys: ["bob"] }).ok).toBe(true);
    expect(registry.join(1, guest("b", "bob")).ok).toBe(false);
  });

  test("[CL10] a guest gets an invented address in 240.0.0.0/4, unique as every other", () => {
    const { registry } = setUp();
    const addresses = new Set<string>();
    for (let index = 0; index < 200; index += 1) {
      const joined = registry.join(1, guest(`g${index}`));
      if (joined.ok) addresses.add(joined.user.address);
    }
    expect(addresses.size).toBe(200);
    for (const address of addresses) {
      expect(Number(address.split(".")[0])).toBeGreaterThanOrEqual(240);
      expect(Number(address.split(".")[0])).toBeLessThan(255);
    }
  });

  test("[CL9] classic logins end where the list would be too long", () => {
    const { registry } = setUp(2);
    registry.join(1, visitor("v1", "10.0.0.1:1"));
    registry.join(1, visitor("v2", "10.0.0.1:2"));
    expect(registry.join(1, visitor("v3", "10.0.0.1:3"))).toEqual({ ok: false, reason: "full" });
  });

  test("who leaves and returns in one turn is told as left, then as joined with the new address", () => {
    const { clock, changes, registry } = setUp();
    registry.join(1, visitor("v", "10.0.0.1:1"));
    clock.endTurn();
    registry.leave(1, "v", true);
    registry.join(1, visitor("v", "10.0.0.1:9"));
    clock.endTurn();
    const last = changes.at(-1);
    expect(last?.left.map(({ address }) => address)).toEqual(["10.0.0.1:1"]);
    expect(last?.joined.map(({ address }) => address)).toEqual(["10.0.0.1:9"]);
  });
});
