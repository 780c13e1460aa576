/** A message's text as parts to draw: plain text, links, code. Nothing here makes markup; parts become text nodes. */
import type { find } from "linkifyjs";

export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "block"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string };

const CODE = /```[^\S\n]*\n?([\s\S]+?)\n?```|`([^`\n]+)`/g;
/** Anything else that an address can begin with could run a script or open a program. */
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** What finds links in a text. */
export type FindLinks = typeof find;

/** Whether it is worth looking for links: no address is without one of these. */
export function mayHoldLinks(text: string): boolean {
  return /\S[.@:]\S/.test(text);
}

/** Without `findLinks` an address is text. */
export function partsOf(text: string, findLinks: FindLinks | undefined): readonly Part[] {
  const parts: Part[] = [];
  let from = 0;
  const addPlain = (plain: string): void => {
    if (findLinks === undefined) addText(parts, plain);
    else addLinks(parts, plain, findLinks);
  };
  for (const match of text.matchAll(CODE)) {
    addPlain(text.slice(from, match.index));
    const [whole, block, code] = match;
    if (block !== undefined) parts.push({ kind: "block", text: block });
    else parts.push({ kind: "code", text: code ?? "" });
    from = match.index + whole.length;
  }
  addPlain(text.slice(from));
  return parts;
}

function addText(parts: Part[], text: string): void {
  if (text !== "") parts.push({ kind: "text", text });
}

function addLinks(parts: Part[], text: string, findLinks: FindLinks): void {
  let from = 0;
  for (const { start, end, href } of findLinks(text, { defaultProtocol: "https" })) {
    if (!isSafe(href)) continue;
    addText(parts, text.slice(from, start));
    parts.push({ kind: "link", text: text.slice(start, end), href });
    from = end;
  }
  addText(parts, text.slice(from));
}

/** An address in pieces, where it may go on in a new line: whole words stay together, and the scheme with what follows. */
export function piecesOf(address: string): readonly string[] {
  return address.split(/(?<!\/\/)(?<=[/?&=])(?![/?&=])/);
}

function isSafe(href: string): boolean {
  return SCHEMES.has(URL.parse(href)?.protocol ?? "");
}

const LARGE_EMOJI = 6;
const ONLY_EMOJI =
  /^(?:\s|\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|[0-9#*]\ufe0f?\u20e3)+$/u;
const SOME_EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u;

/** Nothing but a few emoji: those are drawn large. */
export function isEmojiOnly(text: string): boolean {
  if (text.length > LARGE_EMOJI * 12 || !ONLY_EMOJI.test(text) || !SOME_EMOJI.test(text)) return false;
  const marks = [...new Intl.Segmenter().segment(text)].filter(({ segment }) => segment.trim() !== "");
  return marks.length <= LARGE_EMOJI;
}
