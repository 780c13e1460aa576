/** Runs in the browser of browser.test.ts: the client, and handles for the test to hold it by. */
import { browserStorage } from "../src/browser-storage.ts";
import { type Client, connect } from "../src/client.ts";
import type { ConnectOptions } from "../src/client-types.ts";
import type { StorageState } from "../src/storage.ts";

let client: Client | undefined;
let conversation = "";
let sockets = 0;
const storage = browserStorage();

globalThis.WebSocket = class extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    sockets += 1;
  }
};

function current(): Client {
  if (client === undefined) throw new TypeError("nobody has joined");
  return client;
}

async function until(of: Client, isDone: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (isDone()) resolve();
  };
  const leave = of.subscribe(look);
  look();
  await promise;
  leave();
}

export const chat = {
  /** Resolves to the user's id. */
  async join(options: ConnectOptions): Promise<string> {
    const joined = connect({ ...options, storage });
    client = joined;
    await until(joined, () => joined.connection.kind === "online");
    return joined.me?.id ?? "";
  },
  /** Resolves to the conversation's id. */
  async open(user: string): Promise<string> {
    conversation = await current().open(user);
    return conversation;
  },
  async openConversation(id: string): Promise<void> {
    conversation = id;
    await current().openConversation(id);
  },
  /** The token for the next one. */
  leave(): string {
    current().close();
    return current().token ?? "";
  },
  send: (text: string): string => current().send(conversation, text),
  texts(): readonly string[] {
    const { entries } = current().timeline(conversation);
    return entries.map(({ body, seq }) => (seq === undefined ? "unsent" : (body?.text ?? "")));
  },
  sockets: (): number => sockets,
  storageState: (): StorageState | undefined => current().storageState,
  /** Resolves to the state when the value is as safe as it gets. */
  async keep(key: string, value: string): Promise<StorageState | undefined> {
    await storage.load?.();
    storage.set(key, value);
    // Reading waits for the write before it.
    await storage.load?.();
    return storage.state;
  },
  async kept(): Promise<readonly (readonly [string, string])[]> {
    await storage.load?.();
    return [...storage.list("")];
  },
};

Object.assign(globalThis, { chat });
