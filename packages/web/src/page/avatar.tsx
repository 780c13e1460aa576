import type { JSX } from "preact";

const COLOURS = 8;

interface AvatarProps {
  readonly user: { readonly id: string; readonly name: string };
  readonly online?: boolean | undefined;
}

/** A coloured disc with the name's first letter, and a dot when the person is online. */
export function Avatar({ user, online }: AvatarProps): JSX.Element {
  return (
    <span
      class="avatar"
      aria-hidden="true"
      data-colour={colourOf(user.id)}
      data-online={online === true || undefined}
    >
      {firstOf(user.name)}
    </span>
  );
}

/** What a reader calls the first character: a flag or an accented letter is more than one code point. */
function firstOf(name: string): string {
  for (const { segment } of new Intl.Segmenter().segment(name)) return segment.toUpperCase();
  return "?";
}

function colourOf(id: string): number {
  let sum = 0;
  for (let index = 0; index < id.length; index += 1) sum = (Math.imul(sum, 31) + id.charCodeAt(index)) >>> 0;
  return sum % COLOURS;
}
