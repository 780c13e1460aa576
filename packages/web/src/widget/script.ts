/** `/embed.js`: what a page gets by one script tag. Its one global is `Duologue`. */
import { createDuologue, type Duologue, type DuologueOptions, defineChatElement } from "./index.ts";
import { readTheme } from "./messages.ts";

declare global {
  interface Window {
    Duologue?: {
      create(options: DuologueOptions): Duologue;
      /** What the script tag put into the corner. */
      launcher: Duologue | undefined;
    };
  }
}

function start(url: string | undefined, data: DOMStringMap): void {
  defineChatElement(url);
  const launch = (): void => {
    if (url === undefined || data.launcher === "off" || window.Duologue === undefined) return;
    const { token, peer, language, theme, position, open } = data;
    window.Duologue.launcher = createDuologue({
      url,
      peer,
      language,
      theme: readTheme(theme),
      position: position === "left" ? "left" : "right",
      open: open !== undefined && open !== "false",
      getToken: token === undefined ? undefined : () => token,
    });
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", launch);
  else launch();
}

// A page that names the script twice gets one launcher.
if (window.Duologue === undefined) {
  window.Duologue = { create: createDuologue, launcher: undefined };
  // None when it was imported as a module: such a page calls Duologue.create.
  const script = document.currentScript;
  if (script instanceof HTMLScriptElement) start(new URL(script.src).origin, script.dataset);
  else start(undefined, {});
}
