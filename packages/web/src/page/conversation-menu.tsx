/** The menu of a conversation: how it stands in the list. */
import type { ConversationView } from "@duologue/client";
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useCatalogue, useChat } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { ownWordsFor } from "./own-words.ts";
import { marks } from "./standings.ts";

const MENU = "conversation-menu";

/** The browser closes it on Escape and a click elsewhere, and gives the focus back to the button. */
export function ConversationMenu({
  conversation,
}: {
  readonly conversation: ConversationView;
}): JSX.Element | null {
  const { standings } = useChat();
  const { conversationMenu, standingChoices } = ownWordsFor(useCatalogue());
  if (standings === undefined) return null;
  return (
    <>
      <button
        type="button"
        class="quiet round"
        aria-label={conversationMenu}
        title={conversationMenu}
        aria-haspopup="menu"
        popovertarget={MENU}
      >
        <Icon name="more" />
      </button>
      <div
        id={MENU}
        class="menu"
        role="menu"
        aria-label={conversationMenu}
        popover="auto"
        onToggle={(event) => itemsOf(event.currentTarget)[0]?.focus()}
        onKeyDown={onKey}
      >
        {marks.map((mark) => (
          <button
            key={mark}
            type="button"
            role="menuitemcheckbox"
            aria-checked={standings.has(conversation.id, mark)}
            tabIndex={-1}
            onClick={(event) => {
              standings.set(conversation, mark, !standings.has(conversation.id, mark));
              event.currentTarget.parentElement?.hidePopover();
            }}
          >
            <Icon name={mark} />
            <span>{standingChoices[mark]}</span>
            <Icon name="sent" />
          </button>
        ))}
      </div>
    </>
  );
}

/** ARIA Authoring Practices, menu: arrows go round, Home and End to the ends, and Tab leaves it. */
function onKey(event: TargetedKeyboardEvent<HTMLElement>): void {
  const menu = event.currentTarget;
  const items = itemsOf(menu);
  const at = items.findIndex((item) => item.matches(":focus"));
  const targets: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  const target = targets[event.key];
  if (target !== undefined) {
    event.preventDefault();
    items.at(target % items.length)?.focus();
  } else if (event.key === "Tab") menu.hidePopover();
}

function itemsOf(menu: HTMLElement): readonly HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("[role^=menuitem]")];
}
