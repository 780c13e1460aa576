import type { JSX } from "preact";
import { type Part, partsOf } from "./text.ts";

/** A message's text with its links and code; line breaks are kept by the style sheet. */
export function RichText({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {partsOf(text).map((part, index) => (
        <PartView key={index} part={part} />
      ))}
    </>
  );
}

function PartView({ part }: { readonly part: Part }): JSX.Element {
  switch (part.kind) {
    case "text":
      return <>{part.text}</>;
    case "code":
      return <code>{part.text}</code>;
    case "block":
      return <code class="block">{part.text}</code>;
    case "link":
      return (
        <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
          {part.text}
        </a>
      );
    default:
      return part satisfies never;
  }
}
