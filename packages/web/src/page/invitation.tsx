/** For whoever is alone: the address to send to somebody. */
import type { JSX } from "preact";
import { useCatalogue, useChat } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { ownWordsFor } from "./own-words.ts";

interface InvitationProps {
  /** What its first words are where it stands. */
  readonly as: "h1" | "p";
}

export function Invitation({ as: First }: InvitationProps): JSX.Element {
  const chat = useChat();
  const { nobodyOnline, invite, copyAddress, addressCopied } = ownWordsFor(useCatalogue());
  return (
    <>
      <First class="lead">{nobodyOnline}</First>
      <p class="hint">{invite}</p>
      <button
        type="button"
        class="invitation"
        onClick={() => chat.copy(new URL("/", location.href).href, addressCopied)}
      >
        <Icon name="copy" />
        {copyAddress}
      </button>
    </>
  );
}
