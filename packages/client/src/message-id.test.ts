import { expect, test } from "bun:test";
import { decodeClientFrame } from "@duologue/protocol";
import { memoryStorage } from "./storage.ts";
import { joinPair, Room } from "./testing/room.ts";

test("what is written after what an earlier visit left sorts behind it, though the clock went back", async () => {
  using room = new Room();
  const storage = memoryStorage();
  const { alice, conversation } = await joinPair(room);
  const { client: first } = room.join("carol", { storage });
  room.server.acceptsSockets = false;
  room.server.cut(room.link(first));
  const left = first.send(conversation, "left unsent");
  const { token = "" } = first;
  first.close();
  room.server.acceptsSockets = true;
  room.environment.clockShiftMs = -86_400_000;
  const second = room.connect({ storage, token });
  room.server.flush();
  room.server.acceptsSockets = false;
  room.server.cut(room.link(second));
  expect(second.send(conversation, "written a day before") > left).toBe(true);
  expect(alice.connection.kind).toBe("online");
});

test("ids are UUIDs of version 7 that the protocol takes, and sort in the order they were made", async () => {
  using room = new Room();
  const { alice, conversation } = await joinPair(room);
  const ids = Array.from({ length: 300 }, (_, index) => alice.send(conversation, `${index}`));
  expect(ids.toSorted()).toEqual(ids);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(decodeClientFrame(JSON.stringify({ type: "retract", id, conversation, target: 1 })).ok).toBe(true);
  }
});
