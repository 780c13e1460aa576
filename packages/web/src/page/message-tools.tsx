/** What can be done with a message: beside it where there is room, otherwise on a sheet that a button or a touch opens. */
import type { TimelineEntry } from "@duologue/client";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { bodyText } from "./catalogue.ts";
import { type Asker, focusAsker } from "./chat.ts";
import { useCatalogue, useChat, usePane } from "./contexts.ts";
import { Icon, type IconName } from "./icons.tsx";
import { Modal } from "./modal.tsx";

interface Action {
  readonly icon: IconName;
  readonly name: string;
  readonly run: () => void;
}

/** Empty while the server does not know the message, and when it was taken back. */
function useActions(entry: TimelineEntry): readonly Action[] {
  const chat = useChat();
  const pane = usePane();
  const catalogue = useCatalogue();
  const { seq, mine, body } = entry;
  const text = body?.text;
  if (seq === undefined || entry.retracted) return [];
  const reply = (): void => {
    chat.drafts.setMode(pane.id, { kind: "reply", to: entry });
    pane.focusComposer();
  };
  const edit = (): void => {
    chat.drafts.edit(pane.id, entry);
    pane.focusComposer();
  };
  const retract = (): void => {
    chat.question.value = {
      text: catalogue.retractQuestion,
      yes: catalogue.retract,
      run: () => void chat.client.retract(pane.id, seq),
      asker: pane.askerAt(entry.id),
    };
  };
  const copy = (): void => chat.copy(text ?? "", catalogue.copied);
  const always: Action = { icon: "reply", name: catalogue.reply, run: reply };
  const withText: Action = { icon: "copy", name: catalogue.copy, run: copy };
  const onOwn: Action = { icon: "edit", name: catalogue.edit, run: edit };
  const last: Action = { icon: "retract", name: catalogue.retract, run: retract };
  return [
    always,
    ...(text === undefined ? [] : [withText]),
    ...(mine && text !== undefined ? [onOwn] : []),
    ...(mine ? [last] : []),
  ];
}

export function MessageTools({ entry }: { readonly entry: TimelineEntry }): JSX.Element | null {
  const pane = usePane();
  const { messageMenu } = useCatalogue();
  const actions = useActions(entry);
  if (actions.length === 0) return null;
  return (
    <div class="tools">
      {actions.map(({ icon, name, run }) => (
        <button key={icon} type="button" class="tool" aria-label={name} title={name} onClick={run}>
          <Icon name={icon} />
        </button>
      ))}
      <button
        type="button"
        class="tool opens-sheet"
        aria-label={messageMenu}
        title={messageMenu}
        aria-haspopup="dialog"
        onClick={() => pane.openSheet(entry)}
      >
        <Icon name="more" />
      </button>
    </div>
  );
}

/** It lies over the conversation, which does not move. */
export function MessageSheet(): JSX.Element | null {
  const pane = usePane();
  const { client } = useChat();
  const open = pane.sheet.value;
  const entry = client.timeline(pane.id).entries.find(({ id }) => id === open?.id);
  return open === undefined || entry === undefined ? null : <Sheet entry={entry} asker={open.asker} />;
}

interface SheetProps {
  readonly entry: TimelineEntry;
  readonly asker: Asker;
}

function Sheet({ entry, asker }: SheetProps): JSX.Element {
  const pane = usePane();
  const catalogue = useCatalogue();
  const chosen = useRef<(() => void) | undefined>(undefined);
  const close = (): void => pane.closeSheet();
  const onClosed = (): void => {
    focusAsker(asker);
    chosen.current?.();
  };
  return (
    <Modal class="sheet" labelledBy="sheet" isLight onClose={close} onClosed={onClosed}>
      <p id="sheet" class="preview" dir="auto">
        {bodyText(entry.body, catalogue)}
      </p>
      {useActions(entry).map(({ icon, name, run }) => (
        <button
          key={icon}
          type="button"
          class="action"
          onClick={() => {
            chosen.current = run;
            close();
          }}
        >
          <Icon name={icon} />
          {name}
        </button>
      ))}
    </Modal>
  );
}
