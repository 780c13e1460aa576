/** What became of a text from the bus: whoever can publish there can write anything, so reading is total. */
import type { NodeId } from "../ports/node-link.ts";

export type Received<T> =
  | { readonly kind: "note"; readonly note: T }
  /** Of a kind that this version does not know. */
  | { readonly kind: "unknown" }
  /** Not as its kind must be. */
  | { readonly kind: "broken" }
  /** More than one version apart; of which node it is may not be said. */
  | { readonly kind: "foreign"; readonly node: NodeId | undefined; readonly version: number };

export const UNKNOWN: Received<never> = Object.freeze({ kind: "unknown" });
export const BROKEN: Received<never> = Object.freeze({ kind: "broken" });
