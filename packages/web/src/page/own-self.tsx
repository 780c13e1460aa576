/** Who one is, on the server's own page: leads guests to where they can change it, and everybody to the settings. */
import type { JSX } from "preact";
import { useCatalogue, useChat } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { ownWordsFor } from "./own-words.ts";
import { Self, type SelfProps } from "./self.tsx";

export function OwnSelf({ me }: SelfProps): JSX.Element {
  const chat = useChat();
  const { settings, changeName } = ownWordsFor(useCatalogue());
  const open = (): void => {
    chat.settings.value = "open";
  };
  const openName = (): void => {
    chat.settings.value = "name";
  };
  return (
    <>
      {me.kind === "guest" ? (
        <button type="button" class="quiet who" title={changeName} onClick={openName}>
          <Self me={me} />
          <span class="hidden-text">{changeName}</span>
        </button>
      ) : (
        <Self me={me} />
      )}
      <button type="button" class="quiet round" aria-label={settings} title={settings} onClick={open}>
        <Icon name="settings" />
      </button>
    </>
  );
}
