import type { TimelineEntry } from "@duologue/client";
import { type Part, partsOf } from "../page/text.ts";
import type { ChatContext } from "./context.ts";
import { button, element, type Row, setText } from "./elements.ts";
import { timeFormat } from "./times.ts";
import { problemOf, type Words } from "./words.ts";

export function messageRow({ client, environment, words }: ChatContext): Row<TimelineEntry> {
  const text = element("p", { class: "text", dir: "auto" });
  const details = element("p", { class: "details" });
  const problem = element("p", { class: "problem", hidden: true });
  const root = element("li", { class: "message" }, text, details, problem);
  const formatTime = timeFormat(words.language, navigator.languages);
  let failed: string | undefined;
  let drawn: string | undefined;
  const drawFailure = (entry: TimelineEntry): void => {
    const { pending } = entry;
    const failure = pending?.state.kind === "failed" ? pending.state.error : undefined;
    problem.hidden = failure === undefined;
    // Made anew only when it changes, so that the buttons keep the focus.
    if (failure?.code === failed) return;
    failed = failure?.code;
    if (failure === undefined || pending === undefined) return;
    const { id } = pending.frame;
    problem.replaceChildren(
      `${words.problems[problemOf(failure.code)]} `,
      button(words.tryAgain, {}, () => client.retry(id)),
    );
  };
  return {
    root,
    update: (entry) => {
      root.classList.toggle("mine", entry.mine);
      root.toggleAttribute("data-empty", entry.body?.text === undefined);
      const written = textOf(entry, words);
      // Drawn anew only when it changed, so that a selection in it stays.
      if (written !== drawn) text.replaceChildren(...partsOf(written).map(drawPart));
      drawn = written;
      const parts = [formatTime(entry.time, environment.now())];
      if (entry.edited) parts.unshift(words.edited);
      if (entry.state !== "received") parts.push(words.states[entry.state]);
      setText(details, parts.join(" · "));
      drawFailure(entry);
    },
  };
}

function drawPart(part: Part): Node | string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "code":
    case "block":
      return element("code", { class: part.kind }, part.text);
    case "link":
      return element(
        "a",
        { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow" },
        part.text,
      );
    default:
      return part satisfies never;
  }
}

function textOf({ body, retracted }: TimelineEntry, words: Words): string {
  if (retracted || body === undefined) return words.retracted;
  return body.text ?? words.unknownKind;
}
