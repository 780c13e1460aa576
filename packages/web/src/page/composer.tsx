import type { ConversationView, TimelineEntry } from "@duologue/client";
import type { JSX, TargetedInputEvent, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Chat } from "./chat.ts";
import { useCatalogue, useChat, usePane, useSurroundings } from "./contexts.ts";
import type { Draft, Mode } from "./drafts.ts";
import { Icon } from "./icons.tsx";
import { codeOf, explain } from "./languages.ts";
import type { SendKey } from "./preferences.ts";

/** What a key event reports while an input method is at work, where `isComposing` is already false (Safari). */
const COMPOSING_KEY_CODE = 229;
/** From this share of the limit on, the number of characters is shown. */
const COUNTER_SHARE = 0.9;
/** From one own message that is edited to another. */
type Step = "last" | "before" | "after";

export function Composer({ conversation }: { readonly conversation: ConversationView }): JSX.Element {
  const chat = useChat();
  const pane = usePane();
  const catalogue = useCatalogue();
  const sendKey = useSurroundings().preferences.sendKey.value;
  const input = useRef<HTMLTextAreaElement>(null);
  const stepped = useRef<Step | undefined>(undefined);
  const { id, peer } = conversation;
  const { text, mode } = chat.drafts.of(id).value;
  const limit = chat.client.limits?.textCharacters ?? Number.MAX_SAFE_INTEGER;
  const used = lengthNear(text, limit);
  const isSendable = text.trim() !== "" && used <= limit;
  useFocus(input);
  useLayoutEffect(() => {
    placeCaret(input.current, stepped.current);
    stepped.current = undefined;
    fit(input.current);
    pane.keepEnd();
  }, [pane, text, mode]);

  const submit = (event: Event): void => {
    event.preventDefault();
    if (isSendable && send(chat, id)) pane.toEnd();
    input.current?.focus();
  };
  const onKey = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.isComposing || event.keyCode === COMPOSING_KEY_CODE) return;
    if (isSending(event, sendKey)) submit(event);
    else if (event.key === "Escape" && mode.kind !== "write") {
      event.preventDefault();
      chat.drafts.setMode(id, { kind: "write" });
    } else {
      const step = stepOf(event, { text, mode });
      if (step !== undefined && takeStep(chat, id, step)) {
        event.preventDefault();
        stepped.current = step;
      }
    }
  };
  const onInput = (event: TargetedInputEvent<HTMLTextAreaElement>): void => {
    const { value } = event.currentTarget;
    chat.drafts.setText(id, value);
    if (mode.kind !== "edit") chat.client.setTyping(id, value !== "");
  };
  return (
    <form class="composer" onSubmit={submit}>
      <ModeBar conversation={conversation} mode={mode} onCancel={() => input.current?.focus()} />
      <Counter used={used} limit={limit} />
      <label for="composer" class="hidden-text">
        {catalogue.message}
      </label>
      <textarea
        ref={input}
        id="composer"
        rows={1}
        dir="auto"
        enterkeyhint={sendKey === "enter" ? "send" : "enter"}
        placeholder={catalogue.writeTo(peer.name)}
        value={text}
        onKeyDown={onKey}
        onInput={onInput}
      />
      <button type="submit" class="primary" disabled={!isSendable}>
        <span>{mode.kind === "edit" ? catalogue.save : catalogue.send}</span>
        <Icon name="send" />
      </button>
    </form>
  );
}

function Counter({ used, limit }: { readonly used: number; readonly limit: number }): JSX.Element | null {
  const { characters } = useCatalogue();
  if (used < limit * COUNTER_SHARE) return null;
  return (
    <p class="counter" data-over={used > limit || undefined}>
      {characters(used, limit)}
    </p>
  );
}

interface ModeBarProps {
  readonly conversation: ConversationView;
  readonly mode: Mode;
  readonly onCancel: () => void;
}

/** What is being answered or edited. */
function ModeBar({ conversation: { id, peer }, mode, onCancel }: ModeBarProps): JSX.Element | null {
  const chat = useChat();
  const catalogue = useCatalogue();
  if (mode.kind === "write") return null;
  const { mine, body } = mode.kind === "reply" ? mode.to : mode.message;
  const title =
    mode.kind === "reply" ? catalogue.replyingTo(mine ? catalogue.you : peer.name) : catalogue.editing;
  const cancel = (): void => {
    chat.drafts.setMode(id, { kind: "write" });
    onCancel();
  };
  return (
    <div class="mode" data-kind={mode.kind}>
      <span class="lines">
        <strong>{title}</strong>
        <span class="preview" dir="auto">
          {body?.text ?? ""}
        </span>
      </span>
      <button
        type="button"
        class="quiet round"
        aria-label={catalogue.cancel}
        title={catalogue.cancel}
        onClick={cancel}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function useFocus(input: { readonly current: HTMLTextAreaElement | null }): void {
  const pane = usePane();
  const { frame } = useSurroundings();
  useEffect(() => {
    pane.focusComposer = () => input.current?.focus();
    if (frame !== undefined && !document.hasFocus()) return;
    // On a touch screen the keyboard would cover what one came to read.
    if (matchMedia("(hover: hover)").matches) input.current?.focus();
  }, [pane, input, frame]);
}

/** Grows with its text, up to the height that the style sheet allows, where the style sheet alone cannot do it. */
function fit(input: HTMLTextAreaElement | null): void {
  if (input === null || CSS.supports("field-sizing", "content")) return;
  const form = input.form;
  // Measuring makes it small; what stands above must not move meanwhile, or it would be scrolled.
  if (form !== null) form.style.minHeight = `${form.offsetHeight}px`;
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
  if (form !== null) form.style.minHeight = "";
}

/** In code points. Counting them costs a walk over the text, so only near the limit, where UTF-16 units are not fewer. */
function lengthNear(text: string, limit: number): number {
  return text.length < limit * COUNTER_SHARE ? 0 : [...text].length;
}

/** With Shift it makes a line; if Enter alone does not send, it does that too. */
function isSending({ key, shiftKey, ctrlKey, metaKey }: KeyboardEvent, sendKey: SendKey): boolean {
  if (key !== "Enter") return false;
  switch (sendKey) {
    case "enter":
      return !shiftKey;
    case "modifier":
      return ctrlKey || metaKey;
    default:
      return sendKey satisfies never;
  }
}

/** Only where the key would not move the caret, and nothing that was written would be lost. */
function stepOf(event: TargetedKeyboardEvent<HTMLTextAreaElement>, draft: Draft): Step | undefined {
  const { key, shiftKey, ctrlKey, altKey, metaKey, currentTarget } = event;
  const { selectionStart, selectionEnd } = currentTarget;
  const { text, mode } = draft;
  if (shiftKey || ctrlKey || altKey || metaKey || selectionStart !== selectionEnd) return undefined;
  if (mode.kind === "write") return key === "ArrowUp" && text === "" ? "last" : undefined;
  if (mode.kind !== "edit" || text !== mode.message.body?.text) return undefined;
  if (key === "ArrowUp" && selectionStart === 0) return "before";
  return key === "ArrowDown" && selectionStart === text.length ? "after" : undefined;
}

/** To another own message; from the last one to what was being written before. False when there is none. */
function takeStep(chat: Chat, id: string, step: Step): boolean {
  const { mode } = chat.drafts.of(id).peek();
  const seq = mode.kind === "edit" ? (mode.message.seq ?? 0) : Number.MAX_SAFE_INTEGER;
  const editable = chat.client
    .timeline(id)
    .entries.filter((entry) => entry.mine && entry.seq !== undefined && entry.body?.text !== undefined);
  const isAfter = (entry: TimelineEntry): boolean => (entry.seq ?? 0) > seq;
  const isBefore = (entry: TimelineEntry): boolean => (entry.seq ?? 0) < seq;
  const next = step === "after" ? editable.find(isAfter) : editable.findLast(isBefore);
  if (next !== undefined) chat.drafts.edit(id, next);
  else if (step === "after") chat.drafts.setMode(id, { kind: "write" });
  return next !== undefined || step === "after";
}

/** Where the same key leads on. */
function placeCaret(input: HTMLTextAreaElement | null, step: Step | undefined): void {
  if (input === null || step === undefined) return;
  const offset = step === "before" ? 0 : input.value.length;
  input.setSelectionRange(offset, offset);
}

/** False when it could not even be put aside for sending; what was written then stays where it is. */
function send(chat: Chat, id: string): boolean {
  const { client, drafts } = chat;
  const { text: written, mode } = drafts.of(id).peek();
  const text = written.trim();
  try {
    switch (mode.kind) {
      case "write":
        client.send(id, text);
        break;
      case "reply":
        client.send(id, text, mode.to.seq === undefined ? {} : { replyTo: mode.to.seq });
        break;
      case "edit":
        if (mode.message.seq !== undefined && text !== mode.message.body?.text) {
          client.edit(id, mode.message.seq, text);
        }
        break;
      default:
        mode satisfies never;
    }
  } catch (error) {
    chat.tell(explain(chat.surroundings.catalogue.peek(), codeOf(error)));
    return false;
  }
  drafts.clear(id);
  return true;
}
