import { describe, expect, test } from "bun:test";
import type { PresentUser } from "../ports/presence.ts";
import { Lobby } from "./lobby.ts";

function user(id: string, address: string, order?: string): PresentUser {
  return { id, name: id, kind: "guest", address, ...(order === undefined ? {} : { order }) };
}

const idsOf = (lobby: Lobby): string[] => Array.from(lobby.all(), ({ id }) => id);

describe("a worker's list", () => {
  test("[CL3] is in order of login, also when an earlier one becomes known later", () => {
    const lobby = new Lobby();
    lobby.apply({ joined: [user("b", "1", "2"), user("d", "2", "4")], left: [] });
    expect(idsOf(lobby)).toEqual(["b", "d"]);
    lobby.apply({ joined: [user("c", "3", "3"), user("a", "4", "1")], left: [] });
    expect(idsOf(lobby)).toEqual(["a", "b", "c", "d"]);
    lobby.apply({ joined: [user("d", "2", "0")], left: [] });
    expect(idsOf(lobby)).toEqual(["d", "a", "b", "c"]);
  });

  test("of one machine keeps the order of the changes", () => {
    const lobby = new Lobby();
    lobby.apply({ joined: [user("b", "1"), user("a", "2")], left: [] });
    lobby.apply({ joined: [user("b", "1")], left: [] });
    expect(idsOf(lobby)).toEqual(["b", "a"]);
    expect(lobby).toMatchObject({ size: 2, isWhole: true });
  });

  test("an address that goes from one to the other leads to who has it", () => {
    const lobby = new Lobby();
    lobby.apply({ joined: [user("a", "1"), user("b", "2")], left: [] });
    lobby.apply({ joined: [user("b", "1")], left: [user("a", "1")] });
    expect(lobby.byAddress("1")?.id).toBe("b");
    expect(lobby.byAddress("2")).toBeUndefined();
    lobby.apply({ joined: [user("c", "1")], left: [] });
    lobby.apply({ joined: [], left: [user("b", "1")] });
    expect(lobby.byAddress("1")?.id).toBe("c");
  });

  test("[LB3] counts those elsewhere until it is told otherwise", () => {
    const lobby = new Lobby();
    lobby.apply({ joined: [user("a", "1")], left: [], remoteUsers: 5 });
    expect(lobby).toMatchObject({ size: 6, isWhole: false });
    lobby.apply({ joined: [user("b", "2")], left: [] });
    expect(lobby).toMatchObject({ size: 7, isWhole: false });
    lobby.apply({ joined: [], left: [], remoteUsers: 0 });
    expect(lobby).toMatchObject({ size: 2, isWhole: false });
    lobby.apply({ joined: [], left: [], remoteUsers: "listed" });
    expect(lobby).toMatchObject({ size: 2, isWhole: true });
  });
});
