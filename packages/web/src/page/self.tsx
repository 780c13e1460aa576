/** Who one is, at the top of the list. */
import type { User } from "@duologue/protocol";
import type { JSX } from "preact";
import { Avatar } from "./avatar.tsx";

export interface SelfProps {
  readonly me: User;
}

export function Self({ me }: SelfProps): JSX.Element {
  return (
    <div class="own">
      <Avatar user={me} />
      <bdi class="name">{me.name}</bdi>
    </div>
  );
}
