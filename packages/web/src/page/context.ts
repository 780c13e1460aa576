import type { Client, Environment } from "@duologue/client";
import type { Catalogue } from "./catalogue.ts";
import type { TimeFormat } from "./format.ts";

/** What every part of the page is given. */
export interface Context {
  readonly catalogue: Catalogue;
  readonly times: TimeFormat;
  readonly environment: Environment;
}

/** What the parts of the chat are given once somebody is logged in. */
export interface ChatContext extends Context {
  readonly client: Client;
  /** Shows this conversation; undefined: the list. */
  select(conversation: string | undefined): void;
  /** Opens the conversation with this user and shows it. */
  openWith(user: string): void;
  /** A sentence for people, shown for a few seconds. */
  tell(text: string): void;
  /** Something that is not the client's changed: draw again. */
  changed(): void;
}
