/** A dialog over everything else. The browser keeps the focus in it, and gives it back afterwards. */
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface ModalProps {
  /** The id of the element that says what it is. */
  readonly labelledBy: string;
  readonly onClose: () => void;
  /** After the focus was given back. */
  readonly onClosed?: () => void;
  readonly children: ComponentChildren;
}

export function Modal({ labelledBy, onClose, onClosed, children }: ModalProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect ends while the dialog still stands in the document: one that went first would take the focus along.
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    return () => {
      opened?.close();
      onClosed?.();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={labelledBy} onClose={onClose}>
      {children}
    </dialog>
  );
}
