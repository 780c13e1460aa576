/** The rows of the lists. */
import { type ConversationView, type FoundUser, receiptOf } from "@duologue/client";
import type { JSX } from "preact";
import { Avatar } from "./avatar.tsx";
import { bodyText } from "./catalogue.ts";
import { useCatalogue, useChat, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { StateMark } from "./state-mark.tsx";

interface PersonRowProps {
  readonly user: FoundUser;
  readonly onOpen?: () => void;
}

export function PersonRow({ user, onOpen }: PersonRowProps): JSX.Element {
  const chat = useChat();
  const catalogue = useCatalogue();
  const open = (): void => {
    onOpen?.();
    void chat.openWith(user.id);
  };
  return (
    <li>
      <button type="button" class="row" onClick={open}>
        <Avatar user={user} online={user.online} />
        <span class="lines">
          <bdi class="name">{user.name}</bdi>
          {user.kind === "classic" && <span class="preview">{catalogue.visitor}</span>}
          <span class="hidden-text">{user.online ? catalogue.online : catalogue.offline}</span>
        </span>
      </button>
    </li>
  );
}

interface ConversationRowProps {
  readonly conversation: ConversationView;
  readonly isSelected: boolean;
}

export function ConversationRow({ conversation, isSelected }: ConversationRowProps): JSX.Element {
  const chat = useChat();
  const { times, catalogue } = useSurroundings();
  const { id, peer, online, unread, lastMessage } = conversation;
  return (
    <li>
      <button
        type="button"
        class="row"
        data-unread={unread > 0 || undefined}
        data-muted={chat.standings?.has(id, "muted") || undefined}
        aria-current={isSelected ? "true" : undefined}
        onClick={() => chat.select(id)}
      >
        <Avatar user={peer} online={online} />
        <span class="lines">
          <span class="line">
            <bdi class="name">{peer.name}</bdi>
            {online === true && <span class="hidden-text">{catalogue.value.online}</span>}
            <Marks id={id} />
            {lastMessage !== undefined && <time>{times.value.short(lastMessage.time)}</time>}
          </span>
          <span class="line">
            <Preview conversation={conversation} isSelected={isSelected} />
            {unread > 0 && (
              <span class="unread">
                <span aria-hidden="true">{unread > 99 ? "99+" : unread}</span>
                <span class="hidden-text">{catalogue.value.unread(unread)}</span>
              </span>
            )}
          </span>
        </span>
      </button>
    </li>
  );
}

function Marks({ id }: { readonly id: string }): JSX.Element {
  const { standings } = useChat();
  const words = useCatalogue().standings;
  return (
    <>
      {(["pinned", "muted"] as const).map(
        (mark) =>
          standings?.has(id, mark) === true && (
            <span key={mark} class="mark">
              <Icon name={mark} />
              <span class="hidden-text">{words[mark]}</span>
            </span>
          ),
      )}
    </>
  );
}

function Preview({ conversation, isSelected }: ConversationRowProps): JSX.Element {
  const chat = useChat();
  const catalogue = useCatalogue();
  const { text, mode } = chat.drafts.of(conversation.id).value;
  const { peer, typing, lastMessage, theirs } = conversation;
  const draft = mode.kind === "edit" ? mode.aside : text;
  if (typing) return <span class="preview">{catalogue.typing}</span>;
  if (draft.trim() !== "" && !isSelected) {
    return (
      <span class="preview">
        <span class="draft">{catalogue.draft}</span>
        <bdi>{draft}</bdi>
      </span>
    );
  }
  if (lastMessage === undefined) return <span class="preview" />;
  const said = bodyText(lastMessage.body, catalogue);
  const isOwnText = lastMessage.body !== undefined && lastMessage.from !== peer.id;
  if (!isOwnText) return <bdi class="preview">{said}</bdi>;
  return (
    <>
      <bdi class="preview">{catalogue.yourMessage(said)}</bdi>
      <StateMark state={receiptOf(lastMessage.seq, theirs)} />
    </>
  );
}
