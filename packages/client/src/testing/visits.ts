/** Visits of one person to one browser: each leaves a snapshot for the next. */
import type { Client } from "../client.ts";
import { SNAPSHOT_WAIT_MS } from "../limits.ts";
import { type ClientStorage, memoryStorage } from "../storage.ts";
import type { Room } from "./room.ts";

export interface Visit {
  readonly storage: ClientStorage;
  readonly token: string;
  readonly bob: Client;
  readonly conversation: string;
}

/** Alice has written to bob and read what he wrote, and has gone. */
export async function leaveSnapshot(room: Room, texts: readonly string[] = ["hello", "bob"]): Promise<Visit> {
  const storage = memoryStorage();
  const { client: bob, id } = room.join("bob");
  const { client: alice } = room.join("alice", { storage, offline: true });
  const opened = alice.open(id);
  room.server.flush();
  const conversation = await opened;
  for (const text of texts) alice.send(conversation, text);
  void bob.openConversation(conversation);
  await pass(room, SNAPSHOT_WAIT_MS + 1_000);
  alice.close();
  return { storage, token: alice.token ?? "", bob, conversation };
}

/** Listeners, and so the snapshot, hear of changes after the turn, which a test has to end. */
export async function pass(room: Room, byMs: number): Promise<void> {
  room.pass(0);
  await Promise.resolve();
  for (let leftMs = byMs; leftMs > 0; leftMs -= 500) {
    room.pass(Math.min(leftMs, 500));
    await Promise.resolve();
  }
}

export function come(room: Room, { storage, token }: Visit): Client {
  return room.connect({ storage, token, offline: true });
}
