/** A conversation that is looked at, or was lately: its messages, and how they are shown. */
import type { Timeline, TimelineEntry } from "./timeline.ts";

export interface TimelineView {
  readonly entries: readonly TimelineEntry[];
  /** `loadOlder` would bring more. */
  readonly hasOlder: boolean;
  /** A page of history is on its way. */
  readonly loading: boolean;
}

export interface Held {
  timeline: Timeline;
  /** No page has come yet: what is there are live events, and what was before them is not known to be loaded. */
  isNew: boolean;
  loading: boolean;
  /** Somebody reads farther back: nothing is forgotten. */
  isBack: boolean;
  /** The last view and what it was made of, so that an unchanged one is the same object. */
  view: { readonly of: readonly unknown[]; readonly value: TimelineView } | undefined;
}

/** `isNew`: no page has come yet. */
export function hold(timeline: Timeline, isNew: boolean): Held {
  return { timeline, isNew, loading: false, isBack: false, view: undefined };
}

export const EMPTY_VIEW: TimelineView = Object.freeze({ entries: [], hasOlder: false, loading: true });
