/** What everything that is drawn may use. */
import type { ConversationView, Environment } from "@duologue/client";
import type { User } from "@duologue/protocol";
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
  /** What the frame does not load; undefined there. */
  readonly own: OwnParts | undefined;
}

/** What only the server's own page has. */
export interface OwnParts {
  /** In a conversation's header. */
  readonly ConversationMenu: ComponentType<{ conversation: ConversationView }>;
  readonly Self: ComponentType<{ readonly me: User }>;
  readonly Settings: ComponentType;
  /** Asks whoever is alone to send somebody the address, which in the frame leads nowhere that one would be sent to. */
  readonly Invitation: ComponentType<{ readonly as: "h1" | "p" }>;
}

/** A frame in somebody else's page, which decides about language and looks, and whose focus is not ours to take. */
export interface Frame {
  /** Closes the window that the frame is in; undefined where there is none. */
  readonly close: ReadonlySignal<(() => void) | undefined>;
  /** The page names whom one writes to: there is no list to go back to. */
  readonly isAlone: ReadonlySignal<boolean>;
}
