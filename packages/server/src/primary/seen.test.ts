import { describe, expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { PresentUser } from "../ports/presence.ts";
import type { SeenTime } from "../ports/store.ts";
import { SeenTimes } from "./seen.ts";

function setUp() {
  const clock = new FakeClock();
  const written: (readonly SeenTime[])[] = [];
  const times = new SeenTimes(clock, (request) => {
    if (request.op === "note-seen") written.push(request.seen);
  });
  return { clock, times, written };
}

function user(id: string, kind: PresentUser["kind"] = "guest"): PresentUser {
  return { id, name: id, kind, address: "240.0.0.1:1" };
}

describe("when people were last there", () => {
  test("a leaving is written at once, with the comings that wait", () => {
    const { clock, times, written } = setUp();
    const cameAt = clock.now();
    times.onChange({ joined: [user("a")], left: [] });
    clock.advance(300);
    times.onChange({ joined: [], left: [user("b")] });
    expect(written).toEqual([
      [
        { user: "a", at: cameAt },
        { user: "b", at: cameAt + 300 },
      ],
    ]);
    clock.advance(5_000);
    expect(written).toHaveLength(1);
  });

  test("comings of a second are one write, and one who leaves meanwhile stands in it once", () => {
    const { clock, times, written } = setUp();
    const startedAt = clock.now();
    for (const id of ["a", "b", "c"]) {
      times.onChange({ joined: [user(id)], left: [] });
      clock.advance(300);
    }
    expect(written).toEqual([]);
    clock.advance(100);
    expect(written.map((seen) => seen.map((one) => [one.user, one.at - startedAt]))).toEqual([
      [
        ["a", 0],
        ["b", 300],
        ["c", 600],
      ],
    ]);
    times.onChange({ joined: [user("d")], left: [] });
    clock.advance(10);
    times.onChange({ joined: [], left: [user("d")] });
    expect(written[1]).toEqual([{ user: "d", at: startedAt + 1_010 }]);
  });

  test("very many are written in portions", () => {
    const { times, written } = setUp();
    times.onChange({ joined: [], left: Array.from({ length: 1_200 }, (_, index) => user(`u${index}`)) });
    expect(written.map((seen) => seen.length)).toEqual([500, 500, 200]);
    expect(new Set(written.flat().map((one) => one.user)).size).toBe(1_200);
  });

  test("when the server stops, whoever is there was there until then; classic visitors are not kept", () => {
    const { clock, times, written } = setUp();
    times.onChange({ joined: [user("a"), user("v", "classic")], left: [] });
    clock.advance(500);
    times.endWith([user("a"), user("v", "classic")]);
    expect(written).toEqual([[{ user: "a", at: clock.now() }]]);
    clock.advance(5_000);
    expect(written).toHaveLength(1);
  });
});
