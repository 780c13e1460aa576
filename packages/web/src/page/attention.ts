/** How the page draws attention to new messages: title, icon, live region, notifications and a sound. */
import type { Client, ConversationView } from "@duologue/client";
import { type Signal, signal } from "@preact/signals";
import { bodyText } from "./catalogue.ts";
import type { Surroundings } from "./surroundings.ts";

const TONE_HERTZ = 660;
const TONE_SECONDS = 0.18;

export class Attention {
  /** The page is in front, so what stands on it counts as looked at. */
  readonly isAwake: Signal<boolean> = signal(isInFront());
  /** Read out politely: the newest message. */
  readonly announcement: Signal<string> = signal("");
  readonly #surroundings: Surroundings;
  readonly #select: (conversation: string) => void;
  readonly #seen = new Map<string, number>();
  readonly #usualIcon: string;
  readonly #onFocus = (): void => {
    this.isAwake.value = isInFront();
  };
  #isPrimed = false;
  #badge = "";

  constructor(surroundings: Surroundings, select: (conversation: string) => void) {
    this.#surroundings = surroundings;
    this.#select = select;
    this.#usualIcon = iconLink()?.getAttribute("href") ?? "";
    addEventListener("focus", this.#onFocus);
    addEventListener("blur", this.#onFocus);
    document.addEventListener("visibilitychange", this.#onFocus);
  }

  close(): void {
    removeEventListener("focus", this.#onFocus);
    removeEventListener("blur", this.#onFocus);
    document.removeEventListener("visibilitychange", this.#onFocus);
    this.#show(0);
  }

  /** Of a muted conversation only what is in front is told. */
  update(client: Client, shown: string | undefined, isMuted: (conversation: string) => boolean): void {
    const { conversations } = client;
    this.#show(conversations.reduce((sum, { id, unread }) => (isMuted(id) ? sum : sum + unread), 0));
    for (const conversation of conversations) {
      const seq = conversation.lastMessage?.seq ?? 0;
      const before = this.#seen.get(conversation.id) ?? 0;
      if (seq <= before) continue;
      this.#seen.set(conversation.id, seq);
      const isNew = this.#isPrimed && conversation.lastMessage?.from === conversation.peer.id;
      if (isNew && conversation.unread > 0) this.#notice(conversation, shown, isMuted(conversation.id));
    }
    // What stands there at the first look has happened before.
    if (client.conversationsLoaded && !client.syncing) this.#isPrimed = true;
  }

  #show(unread: number): void {
    const badge = unread === 0 ? "" : unread > 99 ? "99+" : `${unread}`;
    const title = this.#surroundings.catalogue.peek().signInTitle;
    document.title = badge === "" ? title : `(${badge}) ${title}`;
    if (badge === this.#badge) return;
    this.#badge = badge;
    iconLink()?.setAttribute("href", badge === "" ? this.#usualIcon : badgeIcon());
  }

  #notice({ id, peer, lastMessage }: ConversationView, shown: string | undefined, muted: boolean): void {
    if (muted && shown !== id) return;
    const catalogue = this.#surroundings.catalogue.peek();
    const text = bodyText(lastMessage?.body, catalogue);
    this.announcement.value = catalogue.announce(peer.name, text);
    if (muted || (this.isAwake.peek() && shown === id)) return;
    const { sound, notifications } = this.#surroundings.preferences;
    if (sound.value === "on") playTone();
    if (notifications.value === "on") this.#notify(id, peer.name, text);
  }

  #notify(id: string, name: string, text: string): void {
    // Where it was forbidden meanwhile, the browser shows nothing (Notifications API §3.1: an error event instead).
    if (!canNotify()) return;
    try {
      const notification = new Notification(name, { body: text, tag: id });
      notification.onclick = () => {
        window.focus();
        this.#select(id);
        notification.close();
      };
    } catch {
      // Android's browsers have the constructor and forbid its use.
    }
  }
}

/** Whether people let us notify them; asks when they have not been asked. */
export async function askToNotify(): Promise<boolean> {
  return canNotify() && (await Notification.requestPermission()) === "granted";
}

/** A short soft tone, made rather than loaded. */
export function playTone(): void {
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = TONE_HERTZ;
  volume.gain.setValueAtTime(0.12, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + TONE_SECONDS);
  tone.connect(volume).connect(context.destination);
  tone.onended = () => void context.close();
  tone.start();
  tone.stop(context.currentTime + TONE_SECONDS);
}

function canNotify(): boolean {
  return "Notification" in window;
}

function isInFront(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

function iconLink(): HTMLLinkElement | null {
  return document.querySelector<HTMLLinkElement>('link[rel="icon"]');
}

/** The icon with a dot: at its size a number could not be read. */
function badgeIcon(): string {
  const drawing =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M4 6h17a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-9l-6 5v-5H4a3 3 0 0 1-3-3V9a3 3 0 0 1 3-3z" fill="#2f6fde"/><circle cx="24" cy="22" r="8" fill="#d92d20"/></svg>';
  return `data:image/svg+xml,${encodeURIComponent(drawing)}`;
}
