import type { TimelineEntry } from "@duologue/client";
import type { JSX } from "preact";
import { useCatalogue, useChat } from "./contexts.ts";
import { explain } from "./languages.ts";

/** Why a message, or a change of it, was refused, and what can be done. */
export function Problem({ entry }: { readonly entry: TimelineEntry }): JSX.Element | null {
  const { client } = useChat();
  const catalogue = useCatalogue();
  const failure = failureOf(entry);
  if (failure === undefined) return null;
  const { id, code, isChange } = failure;
  const reason = explain(catalogue, code);
  return (
    <div class="problem">
      <span>
        {isChange ? `${catalogue.changeFailed} ${reason}` : `${catalogue.states.failed}: ${reason}`}
      </span>
      <button type="button" class="link" onClick={() => client.retry(id)}>
        {catalogue.tryAgain}
      </button>
      <button type="button" class="link" onClick={() => client.discard(id)}>
        {catalogue.discard}
      </button>
    </div>
  );
}

interface Failure {
  readonly id: string;
  readonly code: string;
  readonly isChange: boolean;
}

function failureOf({ pending, change }: TimelineEntry): Failure | undefined {
  if (pending?.state.kind === "failed") {
    return { id: pending.frame.id, code: pending.state.error.code, isChange: false };
  }
  if (change?.state.kind === "failed") {
    return { id: change.frame.id, code: change.state.error.code, isChange: true };
  }
  return undefined;
}
