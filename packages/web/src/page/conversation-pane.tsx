/** One conversation: who it is with, what was written, and the composer. */
import type { ConversationView } from "@duologue/client";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import { CloseButton } from "./close-button.tsx";
import { Composer } from "./composer.tsx";
import { PaneContext, useCatalogue, useChat } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { MessageList } from "./message-list.tsx";
import { Pane } from "./pane.ts";

export function ConversationPane({ id }: { readonly id: string }): JSX.Element {
  const chat = useChat();
  const catalogue = useCatalogue();
  const pane = useMemo(() => new Pane(chat, id), [chat, id]);
  useEffect(() => () => pane.close(), [pane]);
  const conversation = chat.client.conversation(id);
  return (
    <PaneContext.Provider value={pane}>
      <section class="pane">
        <Header conversation={conversation} />
        {conversation === undefined ? (
          <p class="middle hint empty">{catalogue.loading}</p>
        ) : (
          <>
            <MessageList conversation={conversation} />
            <p class="typing">{conversation.typing ? catalogue.typing(conversation.peer.name) : ""}</p>
            <Composer conversation={conversation} />
          </>
        )}
      </section>
    </PaneContext.Provider>
  );
}

function Header({ conversation }: { readonly conversation: ConversationView | undefined }): JSX.Element {
  const chat = useChat();
  const { back, online, offline } = useCatalogue();
  // Not known while there is no connection; the line stays, so that the name does not move.
  const presence = conversation?.online === undefined ? "" : conversation.online ? online : offline;
  return (
    <header>
      <button
        type="button"
        class="quiet round back"
        aria-label={back}
        title={back}
        onClick={() => chat.leave()}
      >
        <Icon name="back" />
      </button>
      {conversation !== undefined && <Avatar user={conversation.peer} online={conversation.online} />}
      <h1 class="lines">
        <bdi class="name">{conversation?.peer.name}</bdi>
        <span class="preview presence">{presence}</span>
      </h1>
      <CloseButton />
    </header>
  );
}
