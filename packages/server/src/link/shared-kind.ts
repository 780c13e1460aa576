import type { UserKind } from "../ports/store.ts";

/** The same word, as one text for all: a word that was read from a line would be kept once for each user. */
export function sharedKind(kind: UserKind): UserKind {
  switch (kind) {
    case "guest":
      return "guest";
    case "member":
      return "member";
    case "classic":
      return "classic";
  }
}
