import type { JSX } from "preact";
import { askToNotify, playTone } from "./attention.ts";
import { Choice, Choices } from "./choices.tsx";
import { useChat, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { Modal } from "./modal.tsx";
import { sendKeys } from "./preferences.ts";

export function Settings(): JSX.Element | null {
  const chat = useChat();
  const { catalogue, preferences } = useSurroundings();
  const words = catalogue.value;
  const { notifications, sound } = preferences;
  if (!chat.areSettingsOpen.value) return null;
  const close = (): void => {
    chat.areSettingsOpen.value = false;
  };
  const switchNotifications = async (box: HTMLInputElement): Promise<void> => {
    const isAllowed = box.checked && (await askToNotify());
    if (box.checked && !isAllowed) chat.tell(catalogue.peek().notificationsBlocked);
    notifications.choose(isAllowed ? "on" : "off");
    box.checked = isAllowed;
  };
  const switchSound = ({ checked }: HTMLInputElement): void => {
    sound.choose(checked ? "on" : "off");
    if (checked) playTone();
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
          aria-label={words.close}
          title={words.close}
          onClick={close}
        >
          <Icon name="close" />
        </button>
      </header>
      <Choices />
      <Choice
        id="send-key"
        label={words.sendKey}
        preference={preferences.sendKey}
        choices={sendKeys}
        names={words.sendKeys}
      />
      <label class="choice">
        <span>{words.notifications}</span>
        <input
          type="checkbox"
          checked={notifications.value === "on"}
          onChange={(event) => void switchNotifications(event.currentTarget)}
        />
      </label>
      <label class="choice">
        <span>{words.sound}</span>
        <input
          type="checkbox"
          checked={sound.value === "on"}
          onChange={(event) => switchSound(event.currentTarget)}
        />
      </label>
      <button type="button" class="leave" onClick={() => chat.askToLogOut()}>
        {words.logOut}
      </button>
    </Modal>
  );
}
