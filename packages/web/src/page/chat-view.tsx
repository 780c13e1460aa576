/** The chat: the list on one side, a conversation on the other, or one of them at a time on a small screen. */
import type { JSX } from "preact";
import { Banner } from "./banner.tsx";
import { useCatalogue, useChat, useSurroundings } from "./contexts.ts";
import { ConversationPane } from "./conversation-pane.tsx";
import { Icon } from "./icons.tsx";
import { isNobodyElseHere } from "./lobby.ts";
import { QuestionView } from "./question-view.tsx";
import { Sidebar } from "./sidebar.tsx";

export function ChatView(): JSX.Element {
  const chat = useChat();
  const { frame, own } = useSurroundings();
  const { conversation } = chat.place.value;
  const isAlone = frame?.isAlone.value === true;
  return (
    <main
      class="chat"
      data-selected={conversation !== undefined || undefined}
      data-alone={isAlone || undefined}
    >
      <div class="panes">
        <Banner />
        {!isAlone && <Sidebar />}
        {conversation === undefined ? (
          <NothingChosen />
        ) : (
          <ConversationPane key={conversation} id={conversation} />
        )}
      </div>
      <p class="toast" role="status" hidden={chat.toast.value === undefined}>
        {chat.toast.value}
      </p>
      <p class="hidden-text" aria-live="polite" data-announcement>
        {chat.attention.announcement.value}
      </p>
      {own !== undefined && <own.Settings />}
      <QuestionView />
    </main>
  );
}

function NothingChosen(): JSX.Element {
  const { choose, chooseHint } = useCatalogue();
  const { client } = useChat();
  const Invitation = useSurroundings().own?.Invitation;
  const isAlone = Invitation !== undefined && isNobodyElseHere(client);
  return (
    <section class="pane nothing">
      <div>
        <span class="emblem">
          <Icon name="talk" />
        </span>
        {isAlone ? (
          <Invitation as="h1" />
        ) : (
          <>
            <h1 class="lead">{choose}</h1>
            <p class="hint">{chooseHint}</p>
          </>
        )}
      </div>
    </section>
  );
}
