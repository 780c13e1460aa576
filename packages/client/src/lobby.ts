import type { ServerFrameOf, User } from "@duologue/protocol";

/** Who is online, as far as the server says (SPEC LB). */
export interface Lobby {
  readonly count: number;
  /** Absent when more are online than the server lists; `search` finds people then. In order of arrival. */
  readonly users: ReadonlyMap<string, User> | undefined;
}

export const emptyLobby: Lobby = Object.freeze({ count: 0, users: undefined });

export function lobbyFrom(frame: ServerFrameOf<"lobby">): Lobby {
  return {
    count: frame.count,
    users: frame.users && new Map(frame.users.map((user) => [user.id, user])),
  };
}

export function frameOfLobby({ count, users }: Lobby): ServerFrameOf<"lobby"> {
  return users === undefined
    ? { type: "lobby", count }
    : { type: "lobby", count, users: [...users.values()] };
}

export function changeLobby(lobby: Lobby, frame: ServerFrameOf<"lobby-change">): Lobby {
  const { count, joined, left } = frame;
  // Past its limit the server stops naming people (SPEC LB3): the list no longer adds up, and is not shown.
  const unnamed = joined.length === 0 && left.length === 0 && count !== lobby.users?.size;
  if (lobby.users === undefined || unnamed) return { count, users: undefined };
  const users = new Map(lobby.users);
  for (const id of left) users.delete(id);
  for (const user of joined) users.set(user.id, user);
  return { count, users };
}
