/** How components reach what they draw. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Catalogue } from "./catalogue.ts";
import type { Chat } from "./chat.ts";
import type { Pane } from "./pane.ts";
import type { Surroundings } from "./surroundings.ts";

export const SurroundingsContext = createContext<Surroundings | undefined>(undefined);
export const ChatContext = createContext<Chat | undefined>(undefined);
export const PaneContext = createContext<Pane | undefined>(undefined);

/** A component stands outside the part of the page that it is made for. */
class MissingContextError extends Error {
  constructor(name: string) {
    super(`There is no ${name} around this component.`);
    this.name = "MissingContextError";
  }
}

export function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext);
  if (surroundings === undefined) throw new MissingContextError("page");
  return surroundings;
}

export function useCatalogue(): Catalogue {
  return useSurroundings().catalogue.value;
}

export function useChat(): Chat {
  const chat = useContext(ChatContext);
  if (chat === undefined) throw new MissingContextError("chat");
  return chat;
}

export function usePane(): Pane {
  const pane = useContext(PaneContext);
  if (pane === undefined) throw new MissingContextError("conversation");
  return pane;
}
