/** What everything on the page may use. */
import type { Environment } from "@duologue/client";
import type { ReadonlySignal } from "@preact/signals";
import type { Catalogue } from "./catalogue.ts";
import type { TimeFormat } from "./format.ts";
import type { Preferences } from "./preferences.ts";

export interface Surroundings {
  readonly environment: Environment;
  readonly preferences: Preferences;
  /** In the language that holds now. */
  readonly catalogue: ReadonlySignal<Catalogue>;
  readonly times: ReadonlySignal<TimeFormat>;
}
