/** One message: what it answers, its text, its time and state, and what can be done with it. */
import type { TimelineEntry } from "@duologue/client";
import type { ComponentChildren, JSX } from "preact";
import { bodyText } from "./catalogue.ts";
import { useCatalogue, useChat, usePane, useSurroundings } from "./contexts.ts";
import type { MessageItem } from "./items.ts";
import { MessageTools } from "./message-tools.tsx";
import { Problem } from "./problem.tsx";
import { RichText } from "./rich-text.tsx";
import { StateMark } from "./state-mark.tsx";
import { isEmojiOnly } from "./text.ts";

interface MessageProps {
  readonly item: MessageItem;
  /** The last one is where the keyboard comes in, as long as it has not been elsewhere. */
  readonly isLastOfAll: boolean;
}

export function Message({ item, isLastOfAll }: MessageProps): JSX.Element {
  const pane = usePane();
  const { entry } = item;
  const current = pane.current.value;
  const isCurrent = current === undefined ? isLastOfAll : current === entry.id;
  const onFocus = (): void => {
    pane.current.value = entry.id;
  };
  return (
    <article
      class={entry.mine ? "message mine" : "message"}
      data-id={entry.id}
      data-state={entry.state}
      data-retracted={entry.retracted || undefined}
      data-first={item.isFirst || undefined}
      data-last={item.isLast || undefined}
      data-flash={(entry.seq !== undefined && pane.flashing.value === entry.seq) || undefined}
      tabIndex={isCurrent ? 0 : -1}
      onFocus={onFocus}
    >
      <div class="line">
        <Bubble item={item} />
        <MessageTools entry={entry} />
      </div>
      <Problem entry={entry} />
    </article>
  );
}

/** Without a pointer that hovers, touching a message shows what can be done with it. */
function Bubble({ item }: { readonly item: MessageItem }): JSX.Element {
  const pane = usePane();
  const catalogue = useCatalogue();
  const { entry } = item;
  const text = bodyText(entry.body, catalogue);
  const isText = entry.body?.text !== undefined;
  const isLarge = isText && isEmojiOnly(text);
  const onTouch = ({ target }: Event): void => {
    const isOther = target instanceof Element && target.closest("a, button") !== null;
    if (isOther || matchMedia("(hover: hover)").matches) return;
    pane.openSheet(entry);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the keyboard has a button for it
    <div class="bubble" data-large={isLarge || undefined} onClick={onTouch}>
      {entry.replyTo !== undefined && !entry.retracted && <Quote seq={entry.replyTo} of={item.quoted} />}
      <Said item={item}>{isText ? <RichText text={text} /> : text}</Said>
    </div>
  );
}

interface QuoteProps {
  readonly seq: number;
  readonly of: TimelineEntry | undefined;
}

function Quote({ seq, of }: QuoteProps): JSX.Element {
  const pane = usePane();
  const { client } = useChat();
  const catalogue = useCatalogue();
  const author = of?.mine === true ? catalogue.you : client.conversation(pane.id)?.peer.name;
  return (
    <button type="button" class="quote" title={catalogue.showOriginal} onClick={() => void pane.show(seq)}>
      {of !== undefined && (
        <strong>
          <bdi>{author}</bdi>
        </strong>
      )}
      <span dir="auto">{of === undefined ? catalogue.earlierMessage : bodyText(of.body, catalogue)}</span>
    </button>
  );
}

interface SaidProps {
  readonly item: MessageItem;
  readonly children: ComponentChildren;
}

/** The text, and in the corner behind it, where the last line leaves room, its time and state. */
function Said({ item: { entry, isLast }, children }: SaidProps): JSX.Element {
  const { times, catalogue } = useSurroundings();
  const words = catalogue.value;
  const isChanging = entry.change !== undefined && entry.change.state.kind !== "failed";
  const change = isChanging ? words.changing : entry.edited ? words.edited : undefined;
  const isUnsettled = ["queued", "sending", "failed"].includes(entry.state);
  const isQuiet = !isLast && change === undefined && !isUnsettled;
  const clock = times.value.clock(entry.time);
  const room = change === undefined ? clock : `${change} ${clock}`;
  return (
    <div class="said" dir="auto">
      <p class="text" data-room={isQuiet ? undefined : room}>
        {children}
      </p>
      <Details entry={entry} change={change} clock={clock} isQuiet={isQuiet} />
    </div>
  );
}

interface DetailsProps {
  readonly entry: TimelineEntry;
  readonly change: string | undefined;
  readonly clock: string;
  readonly isQuiet: boolean;
}

function Details({ entry, change, clock, isQuiet }: DetailsProps): JSX.Element {
  const { times } = useSurroundings();
  return (
    <div class="details" data-quiet={isQuiet || undefined}>
      {change !== undefined && <span class="edited">{change}</span>}
      <time dateTime={new Date(entry.time).toISOString()} title={times.value.whole(entry.time)}>
        {clock}
      </time>
      {entry.state !== "received" && <StateMark state={entry.state} />}
    </div>
  );
}
