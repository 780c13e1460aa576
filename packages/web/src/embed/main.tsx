/** `/embed`: the chat in a frame on somebody else's page. It takes orders from the page that frames it, and from nobody else. */
import { effect } from "@preact/signals";
import { render } from "preact";
import { COLOURS, type Settings } from "../widget/messages.ts";
import { Bridge } from "./bridge.ts";
import { Embed } from "./embed.ts";
import { EmbedView } from "./view.tsx";

function paint({ theme, colours }: Settings): void {
  const { documentElement } = document;
  documentElement.dataset.theme = theme;
  for (const name of COLOURS) {
    const value = colours[name] ?? "";
    // A value that is no colour (it may hold anything) is as good as none.
    const isColour = CSS.supports("color", value);
    if (isColour) documentElement.style.setProperty(`--${name}`, value);
    else documentElement.style.removeProperty(`--${name}`);
    if (name === "accent") documentElement.toggleAttribute("data-accent", isColour);
  }
}

/** Into the field to write in; on a touch screen its keyboard would cover what one came to read. */
function focusFirst(): void {
  const first = matchMedia("(hover: hover)").matches ? "#composer, #nickname" : ".scroll, #nickname";
  const target =
    document.querySelector<HTMLElement>(first) ?? document.querySelector<HTMLElement>(".row, button");
  target?.focus();
}

function start(place: HTMLElement, origin: string): void {
  const bridge = new Bridge(origin, (message) => {
    switch (message.type) {
      case "settings":
        paint(message.settings);
        embed.setSettings(message.settings);
        return;
      case "focus":
        focusFirst();
        return;
      default:
        message satisfies never;
    }
  });
  const embed = new Embed({
    place,
    post: (message) => bridge.post(message),
    requestToken: () => bridge.requestToken(),
  });
  effect(() => {
    document.documentElement.lang = embed.catalogue.value.language;
  });
  document.addEventListener("keydown", (event) => {
    // What is open in the frame closes first: a reply or an edit, a question.
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
    if (document.querySelector(":modal, :popover-open") === null) embed.frame.close.peek()?.();
  });
  render(<EmbedView embed={embed} />, place);
  bridge.post({ type: "loaded" });
}

const place = document.getElementById("app");
const origin = new URLSearchParams(location.hash.slice(1)).get("origin");
// Opened by itself, in a tab: the page is what one wants.
if (window.parent === window) location.replace("/");
else if (place !== null && origin !== null) start(place, origin);
