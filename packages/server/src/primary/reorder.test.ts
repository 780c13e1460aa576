import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { Reorder } from "./reorder.ts";

function setUp(options: { perUser?: number; inAll?: number } = {}) {
  const clock = new FakeClock();
  const order = new Reorder({ clock, ...options });
  const passed: string[] = [];
  order.begin("ann");
  const pass = (prev: number, position: number, name = `${position}`): void =>
    order.pass("ann", prev, position, () => passed.push(name));
  return { clock, order, passed, pass };
}

describe("the order of a user's steps", () => {
  test("steps that come in order go on at once, the first one wherever the chain begins", () => {
    const { passed, pass } = setUp();
    pass(40, 41);
    pass(41, 50);
    pass(50, 51);
    expect(passed).toEqual(["41", "50", "51"]);
  });

  test("a step that overtook another waits for it, and the answer that belongs to it as well", () => {
    const { clock, order, passed, pass } = setUp();
    pass(0, 1);
    pass(4, 9, "9");
    pass(4, 9, "answer of 9");
    pass(3, 4);
    clock.advance(29);
    expect(passed).toEqual(["1"]);
    pass(1, 3);
    expect(passed).toEqual(["1", "3", "4", "9", "answer of 9"]);
    expect([order.ordered, order.givenUp]).toEqual([3, 0]);
  });

  test("what does not come is not waited for longer than 30 ms, and is let through when it comes late", () => {
    const { clock, order, passed, pass } = setUp();
    pass(0, 1);
    pass(3, 4);
    pass(2, 3);
    clock.advance(30);
    expect(passed).toEqual(["1", "3", "4"]);
    pass(1, 2);
    pass(4, 5);
    expect(passed).toEqual(["1", "3", "4", "2", "5"]);
    expect([order.ordered, order.givenUp]).toEqual([0, 2]);
  });

  test("more than so many steps of a user, or of all, do not wait", () => {
    const { passed, pass } = setUp({ perUser: 2 });
    pass(0, 1);
    for (const position of [5, 7, 6]) pass(position - 1, position);
    expect(passed).toEqual(["1", "5", "6", "7"]);
    const other = setUp({ inAll: 1 });
    other.pass(0, 1);
    other.order.begin("ben");
    other.order.pass("ben", 0, 1, () => undefined);
    other.order.pass("ben", 3, 4, () => undefined);
    other.pass(8, 9);
    expect(other.passed).toEqual(["1", "9"]);
  });

  test("who is not here is not kept in order; what waits for somebody who left goes on at once", () => {
    const { clock, order, passed, pass } = setUp();
    order.pass("nobody", 7, 8, () => passed.push("nobody's"));
    pass(0, 1);
    pass(2, 3);
    order.end("ann");
    expect(passed).toEqual(["nobody's", "1", "3"]);
    clock.advance(1_000);
    pass(8, 9);
    expect(passed).toEqual(["nobody's", "1", "3", "9"]);
  });

  test("whatever the order and the losses, each step goes on once, and in order if all come within the time", () => {
    const steps = fc.shuffledSubarray(
      Array.from({ length: 20 }, (_, index) => index + 1),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(steps, (positions) => {
        const { clock, passed, pass } = setUp();
        pass(-1, 0);
        for (const position of positions) pass(position - 1, position);
        clock.advance(30);
        expect(passed.toSorted()).toEqual(["0", ...positions.map(String)].toSorted());
        const isWhole = positions.length === 20;
        if (isWhole) expect(passed.map(Number)).toEqual(Array.from({ length: 21 }, (_, index) => index));
      }),
    );
  });
});
