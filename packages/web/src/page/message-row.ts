import type { TimelineEntry } from "@duologue/client";
import { bodyText } from "./catalogue.ts";
import type { ChatContext } from "./context.ts";
import { button, element, icon, type Row, setAttribute, setText } from "./dom.ts";
import { explain } from "./languages.ts";

/** What stands in the conversation: a day's heading, the mark before unread messages, or a message. */
export type Item =
  | { readonly kind: "day"; readonly key: string; readonly time: number }
  | { readonly kind: "unread"; readonly key: string }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly entry: TimelineEntry;
      /** The message it answers, when it is loaded. */
      readonly quoted: TimelineEntry | undefined;
    };

export interface MessageActions {
  reply(entry: TimelineEntry): void;
  edit(entry: TimelineEntry): void;
  retract(entry: TimelineEntry): void;
  retry(id: string): void;
  discard(id: string): void;
  show(seq: number): void;
}

export function makeItemRow(context: ChatContext, actions: MessageActions, item: Item): Row<Item> {
  switch (item.kind) {
    case "day": {
      const text = element("span");
      const update = (next: Item): void =>
        setText(text, next.kind === "day" ? context.times.day(next.time) : "");
      return { root: element("li", { class: "separator" }, text), update };
    }
    case "unread": {
      const text = element("span", {}, context.catalogue.newMessages);
      return { root: element("li", { class: "separator new" }, text), update: () => {} };
    }
    case "message":
      return new MessageRow(context, actions, item);
    default:
      return item satisfies never;
  }
}

type MessageItem = Extract<Item, { kind: "message" }>;

class MessageRow implements Row<Item> {
  readonly root = element("li", { class: "message" });
  readonly #context: ChatContext;
  readonly #actions: MessageActions;
  readonly #quote: HTMLButtonElement;
  readonly #quoteText = element("span", { dir: "auto" });
  readonly #text = element("p", { class: "text", dir: "auto" });
  readonly #time = element("time");
  readonly #edited = element("span", { class: "edited" });
  readonly #state = element("span", { class: "state" });
  readonly #tools = element("div", { class: "tools" });
  readonly #problem = element("div", { class: "problem" });
  #item: MessageItem;
  #shown = "";

  constructor(context: ChatContext, actions: MessageActions, item: MessageItem) {
    this.#context = context;
    this.#actions = actions;
    this.#item = item;
    this.#quote = button({ class: "quote" }, () => this.#onQuote(), this.#quoteText);
    const details = element("div", { class: "details" }, this.#edited, this.#time, this.#state);
    const bubble = element("div", { class: "bubble" }, this.#quote, this.#text, details);
    this.root.append(element("div", { class: "line" }, bubble, this.#tools), this.#problem);
    // Without a pointer that hovers, touching a message shows what can be done with it.
    bubble.addEventListener("click", () => this.root.toggleAttribute("data-touched"));
  }

  update(item: Item): void {
    if (item.kind !== "message") return;
    this.#item = item;
    const { entry, quoted } = item;
    const { catalogue, times } = this.#context;
    setAttribute(this.root, "class", entry.mine ? "message mine" : "message");
    setAttribute(this.root, "data-state", entry.state);
    setAttribute(this.root, "data-retracted", entry.retracted);
    setText(this.#text, bodyText(entry.body, catalogue));
    setAttribute(this.#quote, "hidden", entry.replyTo === undefined || entry.retracted);
    setText(
      this.#quoteText,
      quoted === undefined ? catalogue.earlierMessage : bodyText(quoted.body, catalogue),
    );
    setText(this.#time, times.clock(entry.time));
    setAttribute(this.#time, "title", times.whole(entry.time));
    const changing = entry.change !== undefined && entry.change.state.kind !== "failed";
    setText(this.#edited, changing ? catalogue.changing : entry.edited ? catalogue.edited : "");
    this.#drawParts(entry);
  }

  /** Buttons and icons are made anew only when what they say changes. */
  #drawParts(entry: TimelineEntry): void {
    const failure = failureOf(entry);
    const canAnswer = entry.seq !== undefined && !entry.retracted;
    const shown = `${entry.state}/${canAnswer}/${entry.mine}/${failure?.id ?? ""}/${failure?.code ?? ""}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { catalogue } = this.#context;
    const actions = this.#actions;
    const current = (): TimelineEntry => this.#item.entry;
    this.#state.replaceChildren(
      ...(entry.state === "received" ? [] : stateParts(entry.state, catalogue.states)),
    );
    const tools: HTMLElement[] = [];
    if (canAnswer) tools.push(button({ class: "tool" }, () => actions.reply(current()), catalogue.reply));
    if (canAnswer && entry.mine) {
      tools.push(
        button({ class: "tool" }, () => actions.edit(current()), catalogue.edit),
        button({ class: "tool" }, () => actions.retract(current()), catalogue.retract),
      );
    }
    this.#tools.replaceChildren(...tools);
    setAttribute(this.#problem, "hidden", failure === undefined);
    if (failure === undefined) return;
    const sentence = failure.isChange
      ? `${catalogue.changeFailed} ${explain(catalogue, failure.code)}`
      : `${catalogue.states.failed}: ${explain(catalogue, failure.code)}`;
    this.#problem.replaceChildren(
      element("span", {}, sentence),
      button({ class: "link" }, () => actions.retry(failure.id), catalogue.tryAgain),
      button({ class: "link" }, () => actions.discard(failure.id), catalogue.discard),
    );
  }

  #onQuote(): void {
    const { replyTo } = this.#item.entry;
    if (replyTo !== undefined) this.#actions.show(replyTo);
  }
}

interface Failure {
  readonly id: string;
  readonly code: string;
  readonly isChange: boolean;
}

function failureOf(entry: TimelineEntry): Failure | undefined {
  for (const [part, isChange] of [
    [entry.pending, false],
    [entry.change, true],
  ] as const) {
    if (part?.state.kind === "failed") return { id: part.frame.id, code: part.state.error.code, isChange };
  }
  return undefined;
}

type OwnState = Exclude<TimelineEntry["state"], "received">;

const CHECK = "m4 12.5 5 5L20 6.5";
const drawings: Readonly<Record<OwnState, readonly string[]>> = {
  queued: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18", "M12 7v5l3 2"],
  sending: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18", "M12 7v5l3 2"],
  sent: [CHECK],
  delivered: ["m1 12.5 5 5L17 6.5", "m11 16.5 1 1L23 6.5"],
  read: ["m1 12.5 5 5L17 6.5", "m11 16.5 1 1L23 6.5"],
  failed: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18", "M12 7v6", "M12 16.5v.5"],
};

function stateParts(state: OwnState, names: Readonly<Record<OwnState, string>>): readonly Node[] {
  const holder = element("span", { class: "state-icon", title: names[state] });
  holder.append(icon(...drawings[state]));
  return [holder, element("span", { class: "hidden-text" }, names[state])];
}
