/** Connections placed on the workers of a server: the kernel gives a new one to whom it likes. */
import type { Server } from "@duologue/testing";
import { openFilesOf } from "./processes.ts";

/** Connections opened for each that is wanted, at most. */
const TRIES = 50;

/**
 * Opens connections, one after another, until there are `count`, as evenly over the workers as that can be; those of which a
 * worker got too many are closed at the end. Nobody else may connect meanwhile. Worker by worker.
 */
export async function openSpread<T extends { close(): Promise<void> }>(
  server: Server,
  count: number,
  open: () => Promise<T>,
): Promise<readonly (readonly T[])[]> {
  const workers = server.workerPids().map((pid, index, { length }) => {
    return { pid, share: Math.ceil((count - index) / length), own: [] as T[] };
  });
  const spare: T[] = [];
  for (let tries = 0; workers.some(({ own, share }) => own.length < share); tries += 1) {
    if (tries === TRIES * count) throw new Error("the kernel gives some worker no connection");
    const before = workers.map(({ pid }) => openFilesOf(pid) ?? 0);
    const connection = await open();
    // A connection is an open file of the worker that has it.
    const [holder, ...others] = workers.filter(
      ({ pid }, index) => (openFilesOf(pid) ?? 0) > (before[index] ?? 0),
    );
    if (holder === undefined || others.length > 0)
      throw new Error("it cannot be told who has the connection");
    if (holder.own.length < holder.share) holder.own.push(connection);
    else spare.push(connection);
  }
  await Promise.all(spare.map((connection) => connection.close()));
  return workers.map(({ own }) => own);
}
