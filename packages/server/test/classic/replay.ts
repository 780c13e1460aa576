import { expect } from "bun:test";
import { ClassicClient } from "../harness/classic.ts";
import type { ExpectedFrame, RecordedCase } from "./recordings.ts";

/** Puts addresses in the place of `$a`, and the witness, who came first, at the head of every list. */
function fill(text: string, clients: ReadonlyMap<string, ClassicClient>, witness: ClassicClient): string {
  const filled = text.replace(/\$([a-z])/g, (_, name: string) => clients.get(name)?.address ?? `$${name}`);
  if (!filled.startsWith("users:{")) return filled;
  const head = `users:{"${witness.address}":"witness"`;
  return filled === "users:{}" ? `${head}}` : `${head},${filled.slice("users:{".length)}`;
}

/**
 * Carries out one recorded case: after each step, every client must get the frames recorded for it, in their order; at the
 * end, a message from each client to itself must be the very next frame, so nothing else came.
 *
 * The witness is a classic user who is there before and after: by their list one sees that the case before is over.
 */
export async function replay(url: string, witness: ClassicClient, recorded: RecordedCase): Promise<void> {
  const clients = new Map<string, ClassicClient>();
  const loggedIn = new Set<string>();
  for (const { step, frames } of recorded.steps) {
    if (step.action === "open") clients.set(step.client, await ClassicClient.open(url));
    const client = clients.get(step.client);
    if (client === undefined) throw new Error(`${recorded.name}: ${step.client} is not open`);
    if (step.action === "close") await client.close();
    if (step.action === "send") {
      client.send(fill(step.text, clients, witness));
      if (frames.some(({ text }) => text === "notice:success")) loggedIn.add(step.client);
    }
    await expectFrames(frames, clients, witness);
    if (step.action === "close") clients.delete(step.client);
  }
  for (const [name, client] of clients) await expectNothingElse(client, loggedIn.has(name));
  await Promise.all([...clients.values()].map((client) => client.close()));
  if (loggedIn.size > 0) await witness.list((users) => users.size === 1);
  witness.received.rest();
}

async function expectFrames(
  frames: readonly ExpectedFrame[],
  clients: ReadonlyMap<string, ClassicClient>,
  witness: ClassicClient,
): Promise<void> {
  for (const { client, text } of frames) {
    const socket = clients.get(client);
    if (socket === undefined) throw new Error(`${client} is not open`);
    if (text === "<closed>") await socket.socket.whenClosed();
    else expect(await socket.received.next()).toBe(fill(text, clients, witness));
  }
}

/** One's own message is answered after everything before it: by its text, or before login by a refusal. */
async function expectNothingElse(client: ClassicClient, isLoggedIn: boolean): Promise<void> {
  client.send(`chat:<${client.address}>:marker`);
  expect(await client.received.next()).toBe(isLoggedIn ? "msg:marker" : "notice:failed:login");
  expect(client.received.rest()).toEqual([]);
}
