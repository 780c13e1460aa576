import type { JSX } from "preact";
import { useCatalogue, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";

/** In a window on somebody else's page: closes it. */
export function CloseButton(): JSX.Element | null {
  const { frame } = useSurroundings();
  const { close } = useCatalogue();
  const run = frame?.close.value;
  if (run === undefined) return null;
  return (
    <button type="button" class="quiet round" aria-label={close} title={close} onClick={run}>
      <Icon name="close" />
    </button>
  );
}
