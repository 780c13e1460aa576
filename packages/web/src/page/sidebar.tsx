/** The list side: oneself, the search, the conversations, and who is online. */
import type { ConversationView, FoundUser } from "@duologue/client";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { CloseButton } from "./close-button.tsx";
import { useCatalogue, useChat, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { isNobodyElseHere, othersOnline } from "./lobby.ts";
import { ConversationRow, PersonRow } from "./rows.tsx";
import { Self } from "./self.tsx";

const SEARCH_PAUSE_MS = 250;
/** The server looks at no more. */
const QUERY_LENGTH = 64;

export function Sidebar(): JSX.Element {
  const catalogue = useCatalogue();
  const [query, setQuery] = useState("");
  const found = useSearch(query.trim());
  const shown = useShown();
  return (
    <nav class="sidebar" aria-label={catalogue.conversations}>
      <Header />
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
            <Conversations shown={shown} />
            <People shown={shown} />
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

function Header(): JSX.Element {
  const { me } = useChat().client;
  const { signInTitle } = useCatalogue();
  const { own } = useSurroundings();
  return (
    <header>
      <h1 class="hidden-text">{signInTitle}</h1>
      {me !== undefined && (own === undefined ? <Self me={me} /> : <own.Self me={me} />)}
      <CloseButton />
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

/** What stands in the list: where something was said, what one is at, and where something is half written. */
function useShown(): readonly ConversationView[] {
  const { client, place, drafts } = useChat();
  const selected = place.value.conversation;
  return client.conversations.filter(
    ({ id, lastSeq }) => lastSeq > 0 || id === selected || drafts.of(id).value.text !== "",
  );
}

interface ShownProps {
  readonly shown: readonly ConversationView[];
}

function Conversations({ shown }: ShownProps): JSX.Element {
  const chat = useChat();
  const catalogue = useCatalogue();
  const { client, standings } = chat;
  const { listed, archived } = standings?.arrange(shown) ?? { listed: shown, archived: [] };
  const isEmpty = listed.length === 0 && !(archived.length > 0 && client.hasMoreConversations);
  const empty = client.conversationsLoaded ? catalogue.noConversations : catalogue.loading;
  return (
    <>
      <Section title={catalogue.conversations} empty={isEmpty ? empty : undefined}>
        <Rows shown={listed} />
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
      {archived.length > 0 && (
        <section>
          <details>
            <summary>
              <h2>{catalogue.archived(archived.length)}</h2>
            </summary>
            <ul>
              <Rows shown={archived} />
            </ul>
          </details>
        </section>
      )}
    </>
  );
}

function Rows({ shown }: ShownProps): JSX.Element {
  const selected = useChat().place.value.conversation;
  return (
    <>
      {shown.map((conversation) => (
        <ConversationRow
          key={conversation.id}
          conversation={conversation}
          isSelected={conversation.id === selected}
        />
      ))}
    </>
  );
}

/** Who is online, apart from those who stand among the conversations. */
function People({ shown }: ShownProps): JSX.Element | null {
  const { client } = useChat();
  const catalogue = useCatalogue();
  const Invitation = useSurroundings().own?.Invitation;
  const { lobby, connection } = client;
  if (connection.kind !== "online" || lobby.count === 0) return null;
  const others = othersOnline(client);
  if (others === undefined) {
    return <Section title={catalogue.peopleOnline(lobby.count - 1)} empty={catalogue.tooManyOnline} />;
  }
  if (Invitation !== undefined && isNobodyElseHere(client)) {
    return (
      <div class="alone">
        <Invitation as="p" />
      </div>
    );
  }
  const peers = new Set(shown.map(({ peer }) => peer.id));
  const strangers = others.filter(({ id }) => !peers.has(id));
  if (strangers.length === 0) return null;
  const isAll = strangers.length === others.length;
  return (
    <Section title={(isAll ? catalogue.peopleOnline : catalogue.othersOnline)(strangers.length)}>
      {strangers.map((user) => (
        <PersonRow key={user.id} user={user} />
      ))}
    </Section>
  );
}

interface SectionProps {
  readonly title: string;
  /** Said instead of the list. */
  readonly empty?: string | undefined;
  readonly children?: ComponentChildren;
}

function Section({ title, empty, children }: SectionProps): JSX.Element {
  if (empty === undefined) {
    return (
      <section>
        <h2>{title}</h2>
        <ul>{children}</ul>
      </section>
    );
  }
  return (
    <section>
      <h2>{title}</h2>
      <p class="hint">{empty}</p>
    </section>
  );
}
