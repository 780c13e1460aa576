/** The text of a message: SPEC.md, rule CV11. */

export type TextProblem = "text_empty" | "text_too_long" | "text_invalid";

const VISIBLE = /\S/;
/** Every control character (Cc) but tab, line feed and carriage return. */
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/**
 * What is wrong with a text, or undefined. `maxCharacters` counts code points. Of several faults the first in the
 * order of `TextProblem` is told. Every message passes through here.
 */
export function checkText(text: string, maxCharacters: number): TextProblem | undefined {
  if (!VISIBLE.test(text)) return "text_empty";
  if (text.length > maxCharacters && isLonger(text, maxCharacters)) return "text_too_long";
  if (CONTROL.test(text) || !text.isWellFormed()) return "text_invalid";
  return undefined;
}

/** Only for a text with more UTF-16 units than code points allowed; stops counting as soon as it is sure. */
function isLonger(text: string, maxCharacters: number): boolean {
  // A code point has at most two units.
  if (text.length > 2 * maxCharacters) return true;
  let count = 0;
  for (const _ of text) {
    count += 1;
    if (count > maxCharacters) return true;
  }
  return false;
}
