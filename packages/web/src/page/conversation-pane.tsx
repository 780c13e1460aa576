/** One conversation: who it is with, what was written, and the composer. */
import type { ConversationView } from "@duologue/client";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import { CloseButton } from "./close-button.tsx";
import { Composer } from "./composer.tsx";
import { PaneContext, useCatalogue, useChat, useSurroundings } from "./contexts.ts";
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
  const { back, online, offline, waiting } = useCatalogue();
  const { conversationMenu: Menu } = useSurroundings();
  const { connection, lobby } = chat.client;
  const isConnected = connection.kind === "online" && lobby.count > 0;
  // Not known while there is no connection; a line there is all the same, so that the name does not move.
  const presence = isConnected ? presenceOf(conversation, { online, offline }) : waiting;
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
        {presence !== undefined && <span class="preview">{presence}</span>}
      </h1>
      {Menu !== undefined && conversation !== undefined && <Menu conversation={conversation} />}
      <CloseButton />
    </header>
  );
}

/** Undefined: so many are online that the server does not say who. */
function presenceOf(
  conversation: ConversationView | undefined,
  words: { readonly online: string; readonly offline: string },
): string | undefined {
  if (conversation?.online === undefined) return undefined;
  return conversation.online ? words.online : words.offline;
}
