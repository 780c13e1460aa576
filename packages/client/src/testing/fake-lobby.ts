/** What the fake server says of who is there (SPEC LB). */
import type { ServerFrame, ServerFrameOf, User } from "@duologue/protocol";
import type { FakeUser } from "./fake-users.ts";

export interface FakeLobby {
  readonly online: readonly FakeUser[];
  /** Users online up to which it names them. */
  readonly most: number;
}

export interface FakeLobbyChange {
  readonly joined: readonly User[];
  readonly left: readonly string[];
}

export function lobbyOf({ online, most }: FakeLobby): ServerFrameOf<"lobby"> {
  const count = online.length;
  return count > most
    ? { type: "lobby", count }
    : { type: "lobby", count, users: online.map(({ user }) => user) };
}

/** To somebody who watches these, after a change. */
export function newsOf(
  lobby: FakeLobby,
  { joined, left }: FakeLobbyChange,
  watched: readonly string[],
): ServerFrame[] {
  const count = lobby.online.length;
  const isWhole = count <= lobby.most;
  const isWholeAgain = isWhole && count - joined.length + left.length > lobby.most;
  const told = isWhole ? { joined, left } : { joined: [], left: [] };
  const change = isWholeAgain ? lobbyOf(lobby) : ({ type: "lobby-change", count, ...told } as const);
  const changed = [...joined.map(({ id }) => id), ...left];
  const presence = presenceOf(
    lobby,
    watched.filter((user) => changed.includes(user)),
  );
  return presence.online.length + presence.offline.length > 0 ? [change, presence] : [change];
}

export function presenceOf({ online }: FakeLobby, users: readonly string[]): ServerFrameOf<"presence"> {
  const here = new Set(online.map(({ user }) => user.id));
  const asked = [...new Set(users)];
  return {
    type: "presence",
    online: asked.filter((user) => here.has(user)),
    offline: asked.filter((user) => !here.has(user)),
  };
}
