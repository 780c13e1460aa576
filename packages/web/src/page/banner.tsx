import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useCatalogue, useChat, useSurroundings } from "./contexts.ts";

/** A reconnection shorter than this is not worth a word. */
const PATIENCE_MS = 1_500;
const SECOND_MS = 1_000;
/** Of two digits; what is longer may push. */
const LONGEST_WAIT_SECONDS = 30;

/** Says when there is no connection, and what can be done about it. */
export function Banner(): JSX.Element | null {
  const { client } = useChat();
  const catalogue = useCatalogue();
  const { kind } = client.connection;
  const isPatient = usePatience(kind === "connecting" || kind === "waiting");
  const wasCut = useRef(false);
  if (kind === "waiting") wasCut.current = true;
  if (kind === "online") wasCut.current = false;
  switch (client.connection.kind) {
    case "online":
      return null;
    case "connecting":
      if (isPatient) return null;
      // Each try takes a moment, and the words for it must not make the bar flicker.
      return wasCut.current ? <Cut nextTryAt={0} /> : <Bar text={catalogue.connecting} />;
    case "waiting":
      return isPatient ? null : <Cut nextTryAt={client.connection.nextTryAt} />;
    case "stopped":
      if (client.connection.reason === "version_unsupported") {
        return <Bar text={catalogue.outdated} action={catalogue.reload} run={() => location.reload()} />;
      }
      return <Bar text={catalogue.stopped} action={catalogue.tryAgain} run={() => client.reconnect()} />;
    default:
      return client.connection satisfies never;
  }
}

interface CutProps {
  /** 0: now. */
  readonly nextTryAt: number;
}

function Cut({ nextTryAt }: CutProps): JSX.Element {
  const { client } = useChat();
  const { noConnection, tryNow } = useCatalogue();
  return (
    <Bar text={noConnection} action={tryNow} run={() => client.reconnect()}>
      <Countdown until={nextTryAt} />
    </Bar>
  );
}

/** True for a while after the connection was lost, over however many tries. */
function usePatience(isAway: boolean): boolean {
  const { environment } = useSurroundings();
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    setOver(false);
    if (!isAway) return;
    const timer = environment.after(PATIENCE_MS, () => setOver(true));
    return () => timer.cancel();
  }, [environment, isAway]);
  return !isOver;
}

interface BarProps {
  readonly text: string;
  readonly action?: string;
  readonly run?: () => void;
  readonly children?: JSX.Element;
}

function Bar({ text, action, run, children }: BarProps): JSX.Element {
  return (
    <div class="banner">
      <span role="status">{text}</span>
      {children}
      {action !== undefined && (
        <button type="button" onClick={run}>
          {action}
        </button>
      )}
    </div>
  );
}

/** Not read out: a number that changes every second would leave no room for anything else. */
function Countdown({ until }: { readonly until: number }): JSX.Element {
  const { environment } = useSurroundings();
  const catalogue = useCatalogue();
  const [now, setNow] = useState(environment.now());
  useEffect(() => {
    const timer = environment.after(SECOND_MS, () => setNow(environment.now()));
    return () => timer.cancel();
  }, [environment, now]);
  return (
    <span class="countdown" aria-hidden="true" data-longest={catalogue.tryIn(LONGEST_WAIT_SECONDS)}>
      {catalogue.tryIn(Math.ceil((until - now) / SECOND_MS))}
    </span>
  );
}
