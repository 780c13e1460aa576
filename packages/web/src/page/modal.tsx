/** A dialog over everything else. The browser keeps the focus in it, and gives it back afterwards. */
import type { ComponentChildren, JSX, TargetedMouseEvent } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface ModalProps {
  /** The id of the element that says what it is. */
  readonly labelledBy: string;
  readonly onClose: () => void;
  /** After the focus was given back. */
  readonly onClosed?: () => void;
  readonly class?: string;
  /** A touch beside it closes it: nothing is lost by that. */
  readonly isLight?: boolean;
  readonly children: ComponentChildren;
}

export function Modal({
  labelledBy,
  onClose,
  onClosed,
  isLight,
  children,
  ...rest
}: ModalProps): JSX.Element {
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
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard has Escape for it
    <dialog
      ref={dialog}
      class={rest.class}
      aria-labelledby={labelledBy}
      onClose={onClose}
      onClick={(event) => {
        if (isLight === true && isBeside(event)) onClose();
      }}
    >
      {children}
    </dialog>
  );
}

/** What lies around a dialog belongs to it. */
function isBeside({
  currentTarget,
  target,
  clientX,
  clientY,
}: TargetedMouseEvent<HTMLDialogElement>): boolean {
  const { left, right, top, bottom } = currentTarget.getBoundingClientRect();
  const isWithin = clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
  return target === currentTarget && !isWithin;
}
