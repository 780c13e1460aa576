/** What one turn of the event loop brings leaves in few writes, however many notes it is. */
import { expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { Socket } from "node:net";
import { NatsServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { createLogger } from "../../log.ts";
import { NatsLink } from "./nats-link.ts";

setDefaultTimeout(30_000);

const log = createLogger({ level: "silent", format: "json", name: "test" });
const NOTES = 1_000;
const NOTE = "x".repeat(300);
/** The library writes out whenever 32 KiB have come together, and what is left at the end of the turn. */
const MOST_WRITES = (NOTES * 400) / 32_768 + 5;

test("a thousand notes of one turn are a few writes to the socket, and all of them arrive", async () => {
  await using server = await NatsServer.start();
  const connect = () =>
    NatsLink.connect({
      access: { urls: [server.url], credentials: undefined, ca: undefined },
      realm: "test",
      clock: systemClock,
      log,
    });
  const [alice, bob] = [await connect(), await connect()];
  let heard = 0;
  for (let user = 0; user < NOTES; user += 1) bob.subscribe(`u.${user}`, () => (heard += 1));
  await bob.settle(5_000);
  await alice.settle(5_000);
  using write = spyOn(Socket.prototype, "write");
  for (let user = 0; user < NOTES; user += 1) alice.publish(`u.${user}`, NOTE);
  await until(() => heard === NOTES, "all have arrived");
  // Those of the other node's heartbeat among them.
  expect(write.mock.calls.length).toBeLessThan(MOST_WRITES);
  expect(write.mock.calls.length).toBeGreaterThan(0);
  alice.close();
  bob.close();
});
