import type { Client, Environment } from "@duologue/client";
import type { Settings } from "../widget/messages.ts";
import type { Words } from "./words.ts";

/** What every screen of the frame is given. */
export interface Context {
  readonly words: Words;
  readonly settings: Settings;
  /** Asks the host page to close the window. */
  readonly close: () => void;
}

/** What the screens are given once somebody is logged in. */
export interface ChatContext extends Context {
  readonly client: Client;
  readonly environment: Environment;
  /** What is written and not sent, by conversation; as long as the frame is there. */
  readonly drafts: Map<string, string>;
  /** Shows the conversation with this user. */
  readonly openWith: (user: string) => void;
  /** Shows this conversation; undefined: the list. */
  readonly select: (conversation: string | undefined) => void;
}

export interface Screen {
  readonly root: HTMLElement;
  update(): void;
  /** It is, or is not any more, in sight of a person. Screens begin out of sight. */
  setInSight(inSight: boolean): void;
  focus(): void;
}
