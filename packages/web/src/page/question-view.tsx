import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { focusAsker } from "./chat.ts";
import { useCatalogue, useChat } from "./contexts.ts";
import { Modal } from "./modal.tsx";

/** Asks before something that cannot be undone. Escape and Cancel, where the focus is at first, mean no. */
export function QuestionView(): JSX.Element | null {
  const { question } = useChat();
  const catalogue = useCatalogue();
  const asked = question.value;
  const isConfirmed = useRef(false);
  if (asked === undefined) return null;
  const close = (): void => {
    question.value = undefined;
  };
  const confirm = (): void => {
    isConfirmed.current = true;
    close();
    asked.run();
  };
  const giveFocus = (): void => {
    const { place = null, button = null } = asked.asker ?? {};
    focusAsker({ place, button: isConfirmed.current ? null : button });
    isConfirmed.current = false;
  };
  return (
    <Modal labelledBy="question" onClose={close} onClosed={giveFocus}>
      <p id="question">{asked.text}</p>
      <div class="buttons">
        <button type="button" onClick={close}>
          {catalogue.cancel}
        </button>
        <button type="button" class="danger" onClick={confirm}>
          {asked.yes}
        </button>
      </div>
    </Modal>
  );
}
