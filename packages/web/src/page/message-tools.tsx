/** What can be done with a message. */
import type { TimelineEntry } from "@duologue/client";
import type { JSX, TargetedEvent } from "preact";
import { useCatalogue, useChat, usePane } from "./contexts.ts";
import { Icon, type IconName } from "./icons.tsx";

interface MessageToolsProps {
  readonly entry: TimelineEntry;
  /** One goes on elsewhere. */
  readonly onLeave: () => void;
}

export function MessageTools({ entry, onLeave }: MessageToolsProps): JSX.Element | null {
  const chat = useChat();
  const pane = usePane();
  const catalogue = useCatalogue();
  const { seq } = entry;
  const text = entry.body?.text;
  if (seq === undefined || entry.retracted) return null;
  const reply = (): void => {
    chat.drafts.setMode(pane.id, { kind: "reply", to: entry });
    pane.focusComposer();
    onLeave();
  };
  const edit = (): void => {
    chat.drafts.edit(pane.id, entry);
    pane.focusComposer();
    onLeave();
  };
  const retract = ({ currentTarget }: TargetedEvent<HTMLElement>): void => {
    chat.question.value = {
      text: catalogue.retractQuestion,
      yes: catalogue.retract,
      run: () => void chat.client.retract(pane.id, seq),
      asker: { place: currentTarget.closest<HTMLElement>(".message"), button: currentTarget },
    };
  };
  const copy = (): void => chat.copy(text ?? "", catalogue.copied);
  return (
    <div class="tools">
      <Tool icon="reply" name={catalogue.reply} run={reply} />
      {text !== undefined && <Tool icon="copy" name={catalogue.copy} run={copy} />}
      {entry.mine && text !== undefined && <Tool icon="edit" name={catalogue.edit} run={edit} />}
      {entry.mine && <Tool icon="retract" name={catalogue.retract} run={retract} />}
    </div>
  );
}

interface ToolProps {
  readonly icon: IconName;
  readonly name: string;
  readonly run: (event: TargetedEvent<HTMLElement>) => void;
}

function Tool({ icon, name, run }: ToolProps): JSX.Element {
  return (
    <button type="button" class="tool" aria-label={name} title={name} onClick={run}>
      <Icon name={icon} />
    </button>
  );
}
