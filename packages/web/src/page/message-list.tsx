/** The messages of a conversation. However many there are, only those in sight and a few around them are in the document. */
import type { ConversationView } from "@duologue/client";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { useCatalogue, useChat, usePane, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import type { Item } from "./items.ts";
import { Message } from "./message.tsx";
import type { Pane } from "./pane.ts";

export function MessageList({ conversation }: { readonly conversation: ConversationView }): JSX.Element {
  const { client, attention } = useChat();
  const pane = usePane();
  const catalogue = useCatalogue();
  const isInSight = pane.isAtEnd.value && attention.isAwake.value;
  const view = client.timeline(pane.id);
  const items = pane.items(view, conversation);
  const isMarkUnread = pane.isMarkUnread(conversation);
  const shift = useShift(items);
  const list = useRef<VirtualizerHandle>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const kept = [pane.current.value, pane.aim.value].flatMap((key) => {
    const index = key === undefined ? -1 : items.findIndex((item) => item.key === key);
    return index < 0 ? [] : [index];
  });
  useLayoutEffect(() => {
    pane.list = list.current ?? undefined;
    pane.scroller = scroller.current ?? undefined;
    pane.drawn(view.entries);
  }, [pane, view]);
  useEffect(() => pane.markRead(view), [pane, view, isInSight]);
  return (
    <div class="middle">
      <div
        ref={scroller}
        class="scroll"
        role="log"
        aria-live="off"
        aria-label={catalogue.messagesWith(conversation.peer.name)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard
        tabIndex={0}
        onWheel={() => pane.letGo()}
        onTouchMove={() => pane.letGo()}
        onPointerDown={() => pane.letGo()}
        onKeyDown={(event) => onKey({ pane, isMarkUnread }, event)}
      >
        {view.entries.length === 0 ? (
          <p class="hint empty">
            {view.loading ? catalogue.loading : catalogue.noMessages(conversation.peer.name)}
          </p>
        ) : (
          <>
            <div class="filler" />
            <Virtualizer
              ref={list}
              as="ol"
              item="li"
              data={items}
              shift={shift}
              keepMounted={kept.length === 0 ? [items.length - 1] : kept}
              onScroll={(offset) => {
                pane.scrolled(offset);
                pane.showDay(offset);
              }}
              onScrollEnd={() => pane.letGo()}
              onResize={() => pane.resized()}
            >
              {(item) => <ItemView key={item.key} item={item} isLast={item === items.at(-1)} />}
            </Virtualizer>
          </>
        )}
      </div>
      {view.hasOlder && <OlderButton />}
      <DayInSight />
      {isMarkUnread && <UnreadButton count={conversation.unread} />}
      <JumpButton isMarkUnread={isMarkUnread} />
    </div>
  );
}

/** Whether this drawing puts items before the first one, so that the list holds its place from the end. */
function useShift(items: readonly Item[]): boolean {
  const drawn = useRef<readonly Item[]>([]);
  const before = drawn.current;
  useLayoutEffect(() => {
    drawn.current = items;
  });
  const [first, last] = [before.find(isMessage)?.key, before.at(-1)?.key];
  return first !== undefined && items.find(isMessage)?.key !== first && items.at(-1)?.key === last;
}

function isMessage({ kind }: Item): boolean {
  return kind === "message";
}

interface ItemProps {
  readonly item: Item;
  readonly isLast: boolean;
}

function ItemView({ item, isLast }: ItemProps): JSX.Element {
  const { times, catalogue } = useSurroundings();
  switch (item.kind) {
    case "day":
      return (
        <div class="separator">
          <span>{times.value.day(item.time)}</span>
        </div>
      );
    case "unread":
      return (
        <div class="separator new">
          <span>{catalogue.value.newMessages}</span>
        </div>
      );
    case "message":
      return <Message item={item} isLastOfAll={isLast} />;
    default:
      return item satisfies never;
  }
}

function OlderButton(): JSX.Element {
  const pane = usePane();
  const catalogue = useCatalogue();
  const isLoading = pane.isLoadingOlder.value;
  return (
    <button
      type="button"
      class="older"
      data-loading={isLoading || undefined}
      onClick={() => void pane.loadOlder()}
    >
      {isLoading ? catalogue.loading : catalogue.loadOlder}
    </button>
  );
}

function JumpButton({ isMarkUnread }: { readonly isMarkUnread: boolean }): JSX.Element | null {
  const pane = usePane();
  const { jump } = useCatalogue();
  if (pane.isAtEnd.value) return null;
  // Before the unread messages, their own button counts them.
  const isCounted = isMarkUnread && pane.unreadSide.value === "below";
  const count = isCounted ? 0 : pane.newCount.value;
  return (
    <button type="button" class="jump" data-new={count > 0 || undefined} onClick={() => pane.toEnd()}>
      <Icon name="down" />
      {jump(count)}
    </button>
  );
}

/** Says nothing to screen readers: the headings between the messages do. */
function DayInSight(): JSX.Element | null {
  const pane = usePane();
  const { times } = useSurroundings();
  const time = pane.dayInSight.value;
  if (time === undefined) return null;
  return (
    <div class="day-in-sight" aria-hidden="true" data-shown={pane.isDayShown.value || undefined}>
      {times.value.day(time)}
    </div>
  );
}

/** While the mark before the unread messages is out of sight. */
function UnreadButton({ count }: { readonly count: number }): JSX.Element | null {
  const pane = usePane();
  const { unread, markAllRead } = useCatalogue();
  const side = pane.unreadSide.value;
  if (side === undefined) return null;
  return (
    <div class="unread-mark">
      <button type="button" class="to-unread" onClick={() => pane.toUnread()}>
        <Icon name={side === "above" ? "up" : "down"} />
        {unread(count)}
      </button>
      <button
        type="button"
        class="dismiss"
        aria-label={markAllRead}
        title={markAllRead}
        onClick={() => pane.markAllRead()}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

interface Reading {
  readonly pane: Pane;
  readonly isMarkUnread: boolean;
}

/**
 * Up and down lead from message to message, as far as they are in the document, Home and End to the first and the last.
 * With the focus on the list itself, not on a message, the same keys scroll. Escape: all is read.
 */
function onKey({ pane, isMarkUnread }: Reading, event: TargetedKeyboardEvent<HTMLElement>): void {
  const { key, shiftKey, ctrlKey, altKey, metaKey } = event;
  pane.letGo();
  if (shiftKey || ctrlKey || altKey || metaKey) return;
  if (key === "Escape" && isMarkUnread && pane.unreadSide.peek() !== undefined) {
    event.preventDefault();
    pane.markAllRead();
    return;
  }
  const from = event.target instanceof Element ? event.target.closest<HTMLElement>(".message") : null;
  if (from === null) return;
  if (key === "Home" || key === "End") {
    event.preventDefault();
    pane.leadTo(key === "Home" ? "first" : "last");
    return;
  }
  const step = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
  if (step === 0) return;
  const messages = [...event.currentTarget.querySelectorAll<HTMLElement>(".message")];
  const next = messages[messages.indexOf(from) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
