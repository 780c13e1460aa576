/** What everything that is drawn may use. */
import type { ConversationView, Environment } from "@duologue/client";
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { Catalogue } from "./catalogue.ts";
import type { TimeFormat } from "./format.ts";
import type { Preferences } from "./preferences.ts";

export interface Surroundings {
  readonly environment: Environment;
  readonly preferences: Preferences;
  /** In the language that holds now. */
  readonly catalogue: ReadonlySignal<Catalogue>;
  readonly times: ReadonlySignal<TimeFormat>;
  /** Undefined on the server's own page. */
  readonly frame: Frame | undefined;
  /** In a conversation's header; undefined in the frame, which does not load it. */
  readonly conversationMenu: ComponentType<{ conversation: ConversationView }> | undefined;
}

/** A frame in somebody else's page, which decides about language and looks, and whose focus is not ours to take. */
export interface Frame {
  /** Closes the window that the frame is in; undefined where there is none. */
  readonly close: ReadonlySignal<(() => void) | undefined>;
  /** The page names whom one writes to: there is no list to go back to. */
  readonly isAlone: ReadonlySignal<boolean>;
}
