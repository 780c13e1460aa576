import { expect, test } from "bun:test";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import { PrimaryLink } from "../link/client.ts";
import { LineConnection } from "../link/lines.ts";
import { watchPrimary } from "./worker-parts.ts";

test("without a sign of the primary a worker is not ready after 4 s, and its node not alive after 30; with one, both again", () => {
  const clock = new FakeClock();
  const socket = { write: (bytes: Buffer) => bytes.length, end: () => undefined };
  const receiver = { onLine: () => undefined, onClose: () => undefined };
  const link = new PrimaryLink(
    new LineConnection(socket, clock, { lineBytes: 1_000, queueBytes: 1_000 }, receiver),
  );
  const { hasPrimary, hasLostPrimary } = watchPrimary(link, clock);
  const look = (): readonly boolean[] => [hasPrimary(), hasLostPrimary()];
  expect(look()).toEqual([true, false]);
  clock.advance(3_999);
  expect(look()).toEqual([true, false]);
  clock.advance(1);
  expect(look()).toEqual([false, false]);
  clock.advance(26_001);
  expect(look()).toEqual([false, true]);
  link.receive('h {"storeWell":true}');
  expect(look()).toEqual([true, false]);
  // A store that does not commit is no reason to start the node again.
  link.receive('h {"storeWell":false}');
  clock.advance(1_000);
  expect(look()).toEqual([false, false]);
});
