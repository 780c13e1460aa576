/** The list side: oneself, the search, the conversations, and who is online. */
import type { FoundUser } from "@duologue/client";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import { useCatalogue, useChat, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { ConversationRow, PersonRow } from "./rows.tsx";

const SEARCH_PAUSE_MS = 250;
/** The server looks at no more. */
const QUERY_LENGTH = 64;

export function Sidebar(): JSX.Element {
  const catalogue = useCatalogue();
  const [query, setQuery] = useState("");
  const found = useSearch(query.trim());
  return (
    <nav class="sidebar" aria-label={catalogue.conversations}>
      <OwnHeader />
      <div class="search">
        <Icon name="find" />
        <input
          type="search"
          id="search"
          value={query}
          placeholder={catalogue.search}
          aria-label={catalogue.search}
          autoComplete="off"
          maxLength={QUERY_LENGTH}
          dir="auto"
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
      </div>
      <div class="lists">
        {found === undefined ? (
          <>
            <Conversations />
            <People />
          </>
        ) : (
          <Section
            title={catalogue.searchResults}
            empty={found.length === 0 ? catalogue.searchEmpty : undefined}
          >
            {found.map((user) => (
              <PersonRow key={user.id} user={user} onOpen={() => setQuery("")} />
            ))}
          </Section>
        )}
      </div>
    </nav>
  );
}

function OwnHeader(): JSX.Element {
  const chat = useChat();
  const { settings } = useCatalogue();
  const { me } = chat.client;
  const open = (): void => {
    chat.areSettingsOpen.value = true;
  };
  return (
    <header>
      {me !== undefined && <Avatar user={me} />}
      <bdi class="name">{me?.name}</bdi>
      <button type="button" class="quiet round" aria-label={settings} title={settings} onClick={open}>
        <Icon name="settings" />
      </button>
    </header>
  );
}

/** What the last query found; undefined while nothing is asked. */
function useSearch(query: string): readonly FoundUser[] | undefined {
  const chat = useChat();
  const { environment } = useSurroundings();
  const [found, setFound] = useState<readonly FoundUser[]>();
  useEffect(() => {
    if (query === "") {
      setFound(undefined);
      return;
    }
    // The user may type on, and an older answer must not replace a newer one.
    let isCurrent = true;
    const find = async (): Promise<void> => {
      const users = await chat.client.search(query);
      if (isCurrent) setFound(users.filter((user) => user.id !== chat.client.me?.id));
    };
    const timer = environment.after(SEARCH_PAUSE_MS, () => void chat.attempt(find));
    return () => {
      isCurrent = false;
      timer.cancel();
    };
  }, [chat, environment, query]);
  return found;
}

function Conversations(): JSX.Element {
  const chat = useChat();
  const catalogue = useCatalogue();
  const { client } = chat;
  const selected = chat.place.value.conversation;
  const shown = client.conversations.filter(
    ({ id, lastSeq }) => lastSeq > 0 || id === selected || chat.drafts.of(id).value.text !== "",
  );
  const empty = client.conversationsLoaded ? catalogue.noConversations : catalogue.loading;
  return (
    <Section title={catalogue.conversations} empty={shown.length === 0 ? empty : undefined}>
      {shown.map((conversation) => (
        <ConversationRow
          key={conversation.id}
          conversation={conversation}
          isSelected={conversation.id === selected}
        />
      ))}
      {client.hasMoreConversations && (
        <li>
          <button
            type="button"
            class="link more"
            onClick={() => void chat.attempt(() => client.loadConversations())}
          >
            {catalogue.showMore}
          </button>
        </li>
      )}
    </Section>
  );
}

function People(): JSX.Element | null {
  const { client } = useChat();
  const catalogue = useCatalogue();
  const { lobby, me, connection } = client;
  if (connection.kind !== "online" || lobby.count === 0) return null;
  const others = [...(lobby.users?.values() ?? [])].filter((user) => user.id !== me?.id);
  const isListed = lobby.users !== undefined;
  const empty = isListed ? catalogue.nobodyOnline : catalogue.tooManyOnline;
  return (
    <Section
      title={catalogue.peopleOnline(isListed ? others.length : lobby.count)}
      empty={others.length === 0 ? empty : undefined}
    >
      {others.map((user) => (
        <PersonRow key={user.id} user={{ ...user, online: true }} />
      ))}
    </Section>
  );
}

interface SectionProps {
  readonly title: string;
  /** Said instead of the list. */
  readonly empty: string | undefined;
  readonly children: ComponentChildren;
}

function Section({ title, empty, children }: SectionProps): JSX.Element {
  return (
    <section>
      <h2>{title}</h2>
      {empty === undefined ? <ul>{children}</ul> : <p class="hint">{empty}</p>}
    </section>
  );
}
