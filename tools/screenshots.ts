/**
 * `npm run screenshots`: the pictures that the documentation shows. `npm run screenshots -- DIRECTORY`: every screen, on a
 * desk and on a phone, light and dark, in both languages, for whoever changes how it looks.
 * Chinese needs a font of the machine (Debian: fonts-noto-cjk), and emoji another (fonts-noto-color-emoji).
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { TestBrowser } from "@duologue/testing";
import { chosen, type Device, devices, everything } from "./screenshots/camera.ts";
import { shootPage } from "./screenshots/page-scenes.ts";
import { casts, type Language } from "./screenshots/talk.ts";
import { shootWidget } from "./screenshots/widget-scenes.ts";

const DOCUMENTED = {
  "conversation-desktop-light-en": "conversation",
  "conversation-desktop-dark-en": "conversation-dark",
  "conversation-desktop-light-zh": "conversation-zh",
  "conversation-phone-dark-zh": "phone-dark-zh",
  "conversation-phone-light-en": "phone",
  "widget-desktop-light-en": "widget",
};

const directory = process.argv[2];
const target = directory ?? join(import.meta.dir, "../docs/screenshots");
const fileOf = directory === undefined ? chosen(target, DOCUMENTED) : everything(target);
mkdirSync(target, { recursive: true });
await using browser = await TestBrowser.launch();
for (const device of Object.keys(devices) as Device[]) {
  for (const language of Object.keys(casts) as Language[]) {
    console.log(`${device}, ${language}`);
    await shootPage(browser, fileOf, device, language);
    await shootWidget(browser, fileOf, device, language);
  }
}
