/** What the frame shows: the page's chat, or why there is none. */
import type { JSX } from "preact";
import { ChatView } from "../page/chat-view.tsx";
import { CloseButton } from "../page/close-button.tsx";
import { ChatContext, SurroundingsContext, useCatalogue } from "../page/contexts.ts";
import { NicknameForm } from "../page/sign-in.tsx";
import type { Embed } from "./embed.ts";
import { explainProblem, wordsFor } from "./words.ts";

interface ViewProps {
  readonly embed: Embed;
}

export function EmbedView({ embed }: ViewProps): JSX.Element | null {
  if (embed.settings.value === undefined) return null;
  return (
    <SurroundingsContext.Provider value={embed}>
      {embed.chat.value === undefined ? <Outside embed={embed} /> : <Inside embed={embed} />}
    </SurroundingsContext.Provider>
  );
}

/** Somebody is logged in. */
function Inside({ embed }: ViewProps): JSX.Element {
  const target = embed.target.value;
  const isAlone = embed.frame.isAlone.value;
  if (isAlone && target.kind === "problem") {
    return <Notice problem={target.code} onRetry={() => embed.aimAnew()} />;
  }
  if (isAlone && target.kind !== "conversation") return <Notice />;
  return (
    <ChatContext.Provider value={embed.chat.value}>
      <ChatView />
    </ChatContext.Provider>
  );
}

function Outside({ embed }: ViewProps): JSX.Element {
  const problem = embed.problem.value;
  const isGuest = embed.settings.value?.login === "guest";
  if (!isGuest || problem !== undefined) {
    return problem === undefined ? <Notice /> : <Notice problem={problem} onRetry={() => embed.begin()} />;
  }
  return (
    <main class="outside">
      <Heading />
      <div class="card">
        <p class="lead">{wordsFor(embed.catalogue.value).guestHint}</p>
        <NicknameForm state={embed.signIn} signIn={(nickname) => embed.signInAs(nickname)} />
      </div>
    </main>
  );
}

interface NoticeProps {
  /** Absent: it is not there yet. */
  readonly problem?: string;
  readonly onRetry?: () => void;
}

function Notice({ problem, onRetry }: NoticeProps): JSX.Element {
  const catalogue = useCatalogue();
  return (
    <main class="outside">
      <Heading />
      <div class="says">
        <p role="status">
          {problem === undefined ? catalogue.connecting : explainProblem(catalogue, problem)}
        </p>
        {onRetry !== undefined && (
          <button type="button" onClick={onRetry}>
            {catalogue.tryAgain}
          </button>
        )}
      </div>
    </main>
  );
}

function Heading(): JSX.Element {
  const { chat } = wordsFor(useCatalogue());
  return (
    <header>
      <h1>{chat}</h1>
      <CloseButton />
    </header>
  );
}
