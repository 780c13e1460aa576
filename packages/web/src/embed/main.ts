/** `/embed`: the chat in a frame on somebody else's page. It takes orders from the page that frames it, and from nobody else. */
import { browserEnvironment } from "@duologue/client";
import { COLOURS, type Settings } from "../widget/messages.ts";
import { Bridge } from "./bridge.ts";
import { EmbeddedChat } from "./chat.ts";

function paint({ theme, colours }: Settings): void {
  const { documentElement } = document;
  documentElement.dataset.theme = theme;
  for (const name of COLOURS) {
    const value = colours[name] ?? "";
    // A value that is no colour (it may hold anything) is as good as none.
    if (CSS.supports("color", value)) documentElement.style.setProperty(`--duologue-${name}`, value);
    else documentElement.style.removeProperty(`--duologue-${name}`);
  }
}

function start(place: HTMLElement, origin: string): void {
  let isClosable = false;
  const bridge = new Bridge(origin, (message) => {
    switch (message.type) {
      case "settings":
        isClosable = message.settings.closable;
        paint(message.settings);
        chat.setSettings(message.settings);
        return;
      case "focus":
        chat.focus();
        return;
      default:
        message satisfies never;
    }
  });
  const chat = new EmbeddedChat({
    place,
    environment: browserEnvironment(),
    post: (message) => bridge.post(message),
    requestToken: () => bridge.requestToken(),
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && isClosable) bridge.post({ type: "close" });
  });
  bridge.post({ type: "loaded" });
}

const place = document.getElementById("app");
const origin = new URLSearchParams(location.hash.slice(1)).get("origin");
// Opened by itself, in a tab: the page is what one wants.
if (window.parent === window) location.replace("/");
else if (place !== null && origin !== null) start(place, origin);
