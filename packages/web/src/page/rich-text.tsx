import { signal } from "@preact/signals";
import { Fragment, type JSX } from "preact";
import { type FindLinks, mayHoldLinks, type Part, partsOf, piecesOf } from "./text.ts";

/** Knows all top-level domains, which makes it a sixth of the page: loaded when the first text may hold a link. */
const links = signal<FindLinks | undefined>(undefined);
let isLoading = false;

async function loadLinks(): Promise<void> {
  if (isLoading) return;
  isLoading = true;
  try {
    const { find } = await import("linkifyjs");
    links.value = find;
  } catch {
    // Addresses stay text; the next message tries again.
    isLoading = false;
  }
}

/** A message's text with its links and code; line breaks are kept by the style sheet. */
export function RichText({ text }: { readonly text: string }): JSX.Element {
  const findLinks = mayHoldLinks(text) ? links.value : undefined;
  if (findLinks === undefined && mayHoldLinks(text)) void loadLinks();
  return (
    <>
      {partsOf(text, findLinks).map((part, index) => (
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
          {piecesOf(part.text).map((piece, index) => (
            <Fragment key={index}>
              {index > 0 && <wbr />}
              {piece}
            </Fragment>
          ))}
        </a>
      );
    default:
      return part satisfies never;
  }
}
