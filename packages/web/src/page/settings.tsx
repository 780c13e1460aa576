import type { JSX } from "preact";
import { askToNotify, playTone } from "./attention.ts";
import { Choice, Choices } from "./choices.tsx";
import { useChat, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { Modal } from "./modal.tsx";
import { ownWordsFor } from "./own-words.ts";
import { sendKeys } from "./preferences.ts";
import { Rename } from "./rename.tsx";

export function Settings(): JSX.Element | null {
  const chat = useChat();
  const { catalogue, preferences } = useSurroundings();
  const words = ownWordsFor(catalogue.value);
  if (chat.settings.value === "closed") return null;
  const close = (): void => {
    chat.settings.value = "closed";
  };
  const leave = (): void => {
    close();
    chat.question.value = {
      text: words.logOutQuestion,
      yes: words.logOut,
      run: () => void chat.client.logout().catch(() => chat.tell(ownWordsFor(catalogue.peek()).logOutFailed)),
    };
  };
  return (
    <Modal labelledBy="settings-title" onClose={close}>
      <header class="dialog-header">
        <h2 class="dialog-title" id="settings-title">
          {words.settings}
        </h2>
        <button
          type="button"
          class="quiet round"
          aria-label={catalogue.value.close}
          title={catalogue.value.close}
          onClick={close}
        >
          <Icon name="close" />
        </button>
      </header>
      <Rename />
      <Choices />
      <Choice
        id="send-key"
        label={words.sendKey}
        preference={preferences.sendKey}
        choices={sendKeys}
        names={words.sendKeys}
      />
      <Switches />
      <button type="button" class="leave" onClick={leave}>
        {words.logOut}
      </button>
    </Modal>
  );
}

function Switches(): JSX.Element {
  const chat = useChat();
  const { catalogue, preferences } = useSurroundings();
  const words = ownWordsFor(catalogue.value);
  const { notifications, sound } = preferences;
  const switchNotifications = async (box: HTMLInputElement): Promise<void> => {
    const isAllowed = box.checked && (await askToNotify());
    if (box.checked && !isAllowed) chat.tell(ownWordsFor(catalogue.peek()).notificationsBlocked);
    notifications.choose(isAllowed ? "on" : "off");
    box.checked = isAllowed;
  };
  const switchSound = ({ checked }: HTMLInputElement): void => {
    sound.choose(checked ? "on" : "off");
    if (checked) playTone();
  };
  return (
    <>
      <label class="choice">
        <span>{words.notifications}</span>
        <input
          type="checkbox"
          class="switch"
          checked={notifications.value === "on"}
          onChange={(event) => void switchNotifications(event.currentTarget)}
        />
      </label>
      <label class="choice">
        <span>{words.sound}</span>
        <input
          type="checkbox"
          class="switch"
          checked={sound.value === "on"}
          onChange={(event) => switchSound(event.currentTarget)}
        />
      </label>
    </>
  );
}
