import type { Client, Timer } from "@duologue/client";
import type { Context } from "./context.ts";
import { button, element, setAttribute, setText } from "./dom.ts";

/** A reconnection shorter than this is not worth a word. */
const PATIENCE_MS = 800;

/** Says when there is no connection, and what can be done about it. */
export class Banner {
  readonly root: HTMLElement;
  readonly #context: Context;
  readonly #client: Client;
  readonly #text = element("span");
  readonly #button: HTMLButtonElement;
  #timer: Timer | undefined;
  #connectingSince: number | undefined;
  #action: () => void = () => {};

  constructor(context: Context, client: Client) {
    this.#context = context;
    this.#client = client;
    this.#button = button({}, () => this.#action());
    this.root = element("div", { class: "banner", role: "status", hidden: true }, this.#text, this.#button);
    this.update();
  }

  update(): void {
    const { catalogue, environment } = this.#context;
    const { connection } = this.#client;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (connection.kind !== "connecting") this.#connectingSince = undefined;
    switch (connection.kind) {
      case "online":
        this.#show(undefined);
        return;
      case "connecting": {
        this.#connectingSince ??= environment.now();
        const leftMs = this.#connectingSince + PATIENCE_MS - environment.now();
        if (leftMs <= 0) this.#show(catalogue.connecting);
        else this.#later(leftMs);
        return;
      }
      case "waiting": {
        const leftMs = connection.nextTryAt - environment.now();
        this.#show(catalogue.waiting(Math.ceil(leftMs / 1000)), catalogue.tryNow, () =>
          this.#client.reconnect(),
        );
        this.#later(1000);
        return;
      }
      case "stopped":
        if (connection.reason === "version_unsupported") {
          this.#show(catalogue.outdated, catalogue.reload, () => location.reload());
        } else this.#show(catalogue.stopped, catalogue.tryAgain, () => this.#client.reconnect());
        return;
      default:
        connection satisfies never;
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  #later(delayMs: number): void {
    this.#timer = this.#context.environment.after(delayMs, () => this.update());
  }

  #show(text: string | undefined, action?: string, run?: () => void): void {
    setAttribute(this.root, "hidden", text === undefined);
    if (text !== undefined) setText(this.#text, text);
    setAttribute(this.#button, "hidden", action === undefined);
    if (action !== undefined) setText(this.#button, action);
    this.#action = run ?? ((): void => {});
  }
}
