/** The widget as a module, for pages that are built. Touches nothing before it is called, so it may be loaded on a server too. */
import { type Duologue, type DuologueOptions, Launcher } from "./launcher.ts";

export { type DuologueChatElement, defineChatElement } from "./chat-element.ts";
export type { ChatSettings, DuologueEvents, TokenSource, TokenWish } from "./chat-frame.ts";
export type { Duologue, DuologueOptions } from "./launcher.ts";
export type { ArrivedMessage, Theme } from "./messages.ts";

/** Puts a launcher into the corner of the page. Throws TypeError when the address is malformed. */
export function createDuologue(options: DuologueOptions): Duologue {
  return new Launcher(options);
}
