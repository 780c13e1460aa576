/** How far an own message has come: a drawing, and for screen readers a word. */
import type { JSX } from "preact";
import type { Catalogue } from "./catalogue.ts";
import { useCatalogue } from "./contexts.ts";
import { Icon } from "./icons.tsx";

export function StateMark({ state }: { readonly state: keyof Catalogue["states"] }): JSX.Element {
  const { states } = useCatalogue();
  return (
    <span class="state" data-state={state} title={states[state]}>
      <Icon name={state} />
      <span class="hidden-text">{states[state]}</span>
    </span>
  );
}
