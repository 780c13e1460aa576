/** The mock server that users test with, under the suite that the server must pass. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createMockServer } from "@duologue/client/testing";
import { SUBPROTOCOL } from "@duologue/protocol";
import { systemClock } from "../src/clock.ts";
import { openMockSocket } from "./harness/mock.ts";
import { wireTests } from "./wire/suite.ts";
import { type Exceptions, ExceptionsTest } from "./wire/target.ts";

const HTTP = "it is no HTTP server, so nothing is upgraded";
const BYTES = "its sockets carry texts, not the frames of RFC 6455";
const CLASSIC = "it has no classic users";
const RATE = "time stands still in a test, so a rate would refuse whatever comes after the burst";
const LOOKS = "the table of look-alike characters is the server's";

const exceptions: Exceptions = {
  "[CN1] ": HTTP,
  "[CN2] ": HTTP,
  "[CN3] a binary frame is answered": BYTES,
  "[CN4] a frame in fragments": BYTES,
  "a hello in fragments of one byte": BYTES,
  "frames that break RFC 6455": BYTES,
  "a text frame inside a fragmented one": BYTES,
  "[LB5] a classic user": CLASSIC,
  "[LB6] a classic user stands": CLASSIC,
  "[LB6] a classic user can": CLASSIC,
  "[HS5] a classic user": CLASSIC,
  "[BI3] ": RATE,
  "[NK4] a name that looks like one now online is refused: Cyrillic a": LOOKS,
  "[NK4] a name that looks like one now online is refused: Greek capital": LOOKS,
};

const TICK_MS = 20;
const PASSES_MS = 100;

describe("the mock server", () => {
  const server = createMockServer();
  const suite = new ExceptionsTest(exceptions);
  let stopTime = (): void => {};
  beforeAll(() => {
    // Its time stands still until somebody lets it pass; the suite is written for servers whose time does not.
    const timer = systemClock.every(TICK_MS, () => void server.advance(PASSES_MS));
    stopTime = () => timer.cancel();
  });
  afterAll(() => stopTime());

  wireTests("wire", {
    place: () => ({ open: ({ protocol = SUBPROTOCOL }) => openMockSocket(server, protocol) }),
    url: () => {
      throw new TypeError("the mock server has no address");
    },
    test: suite.test,
  });

  test("the table of exceptions names only tests that there are", () => {
    expect(suite.unused).toEqual([]);
  });
});
