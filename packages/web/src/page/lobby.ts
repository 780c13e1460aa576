/** Who else is there. */
import type { Client, FoundUser } from "@duologue/client";

/** Undefined when they are too many to be listed. */
export function othersOnline({ lobby, me }: Client): readonly FoundUser[] | undefined {
  if (lobby.users === undefined) return undefined;
  const users = [...lobby.users.values()].filter((user) => user.id !== me?.id);
  return users.map((user) => ({ ...user, online: true }));
}

/** As far as it is known: connected, and nobody but oneself in the lobby. */
export function isNobodyElseHere({ connection, lobby, me }: Client): boolean {
  const isKnown = connection.kind === "online" && lobby.users !== undefined;
  return isKnown && lobby.users.size === 1 && me !== undefined && lobby.users.has(me.id);
}
