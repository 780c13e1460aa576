/** Drawings of lines in a square of 24, in the text's colour; hidden from screen readers, since words stand with them. */
import type { JSX } from "preact";

const CLOCK = ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18", "M12 7v5l3 2"];

const drawings = {
  archived: ["M3 4h18v5H3z", "M5 9v11h14V9", "M10 13h4"],
  back: ["m15 5-7 7 7 7"],
  close: ["m6 6 12 12", "M18 6 6 18"],
  copy: ["M9 9h11v11H9z", "M5 15H4V4h11v1"],
  down: ["m6 10 6 6 6-6"],
  edit: ["M4 20h4L19 9l-4-4L4 16z", "m13 7 4 4"],
  find: ["M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14", "m16 16 4.5 4.5"],
  more: [
    "M5 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2",
    "M12 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2",
    "M19 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2",
  ],
  muted: ["M6 9h3l5-4v14l-5-4H6z", "m17.5 9.5 4 5", "m21.5 9.5-4 5"],
  pinned: ["M9 4h6l-.5 6 3 3.5h-11l3-3.5z", "M12 13.5V20"],
  reply: ["m9 7-5 5 5 5", "M4 12h10a6 6 0 0 1 6 6v1"],
  retract: ["M5 7h14", "M9 7V4h6v3", "m7 7 1 13h8l1-13", "M10.5 11v5", "M13.5 11v5"],
  send: ["M21 3 14 21l-3.5-7.5L3 10z", "M21 3 10.5 13.5"],
  settings: ["M11 7h9", "M8 4a3 3 0 1 0 0 6 3 3 0 0 0 0-6", "M4 17h9", "M16 14a3 3 0 1 0 0 6 3 3 0 0 0 0-6"],
  talk: ["M4 5h16v11h-9l-5 4v-4H4z", "M8 9h8", "M8 12h5"],
  up: ["m6 14 6-6 6 6"],
  queued: CLOCK,
  sending: CLOCK,
  sent: ["m4 12.5 5 5L20 6.5"],
  delivered: ["m1 12.5 5 5L17 6.5", "m11 16.5 1 1L23 6.5"],
  // Filled by the style sheet. Another shape than the one before, for those who do not see the colours.
  read: ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20", "m7.5 12.5 3.25 3.25L16.5 9"],
  failed: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18", "M12 7v6", "M12 16.5v.5"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type IconName = keyof typeof drawings;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" class="icon" aria-hidden="true">
      {drawings[name].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
