/** One conversation: who it is with, what was written, and the composer. */
import type { ConversationView } from "@duologue/client";
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import { CloseButton } from "./close-button.tsx";
import { Composer } from "./composer.tsx";
import { PaneContext, useCatalogue, useChat, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { MessageList } from "./message-list.tsx";
import { MessageSheet } from "./message-tools.tsx";
import { Pane } from "./pane.ts";

/** How late a minute that has passed may be shown. */
const REFRESH_MS = 10_000;

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
            <p class="typing">{conversation.typing ? catalogue.typing : ""}</p>
            <Composer conversation={conversation} />
            <MessageSheet />
          </>
        )}
      </section>
    </PaneContext.Provider>
  );
}

function Header({ conversation }: { readonly conversation: ConversationView | undefined }): JSX.Element {
  const chat = useChat();
  const { back, waiting } = useCatalogue();
  const Menu = useSurroundings().own?.ConversationMenu;
  const { connection, lobby } = chat.client;
  const isConnected = connection.kind === "online" && lobby.count > 0;
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
        {isConnected ? (
          <Presence conversation={conversation} />
        ) : (
          // Not known while there is no connection; a line there is all the same, so that the name does not move.
          <span class="preview">{waiting}</span>
        )}
      </h1>
      {Menu !== undefined && conversation !== undefined && <Menu conversation={conversation} />}
      <CloseButton />
    </header>
  );
}

/** Nothing while it is not known. */
function Presence({
  conversation,
}: {
  readonly conversation: ConversationView | undefined;
}): JSX.Element | null {
  const { online, offline } = useCatalogue();
  if (conversation?.online === undefined) return null;
  const { seenAt } = conversation;
  if (seenAt !== undefined) return <LastSeen at={seenAt} />;
  return <span class="preview">{conversation.online ? online : offline}</span>;
}

/** Goes with the time. */
function LastSeen({ at }: { readonly at: number }): JSX.Element {
  const { environment, times, catalogue } = useSurroundings();
  const [now, setNow] = useState(environment.now());
  useEffect(() => {
    const timer = environment.after(REFRESH_MS, () => setNow(environment.now()));
    return () => timer.cancel();
  }, [environment, now]);
  return (
    <span class="preview" title={times.value.whole(at)}>
      {catalogue.value.lastSeen(times.value.ago(at))}
    </span>
  );
}
