/** Runs in the browsers of the chaos: a device that writes one message after the other, with the same log as the others. */
import {
  browserEnvironment,
  browserStorage,
  type Client,
  connect,
  type Environment,
  type StorageState,
} from "@duologue/client";
import { Horizon, WireLog } from "../harness/wire-log.ts";

export interface PageOptions {
  readonly url: string;
  readonly token: string;
  readonly conversation: string;
  /** Begins every text of this life of the page. */
  readonly name: string;
  /** Of tabs that share one connection; without one, this tab has its own. */
  readonly tabs?: string;
}

/** What outlives the page, if it dies: bound to the process of the test. */
declare global {
  function noteText(text: string): Promise<void>;
  function noteAck(id: string, seq: number): Promise<void>;
  var device: typeof exported;
}

/** Empty in a tab that shares another one's connection. */
const log = new WireLog(new Horizon("own"));
const acknowledged = new Map<string, number>();
let client: Client | undefined;
let options: PageOptions | undefined;
let isBusy = false;
let written = 0;

function environment(): Environment {
  const place = browserEnvironment();
  return {
    ...place,
    openSocket: (url, subprotocol, events) =>
      place.openSocket(url, subprotocol, {
        ...events,
        opened: () => events.opened(),
        received: (text) => {
          log.onText(text);
          events.received(text);
        },
        closed: (code) => {
          log.onClosed();
          events.closed(code);
        },
      }),
  };
}

async function when(holds: (of: Client) => boolean): Promise<void> {
  const of = client;
  if (of === undefined) throw new TypeError("nobody has joined");
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (holds(of)) resolve();
  };
  const leave = of.subscribe(look);
  look();
  await promise;
  leave();
}

async function write(): Promise<void> {
  while (isBusy && client !== undefined && options !== undefined) {
    written += 1;
    const text = `${options.name}, number ${written}`;
    // Before it is sent: a text that nobody knows of must not turn up.
    await noteText(text);
    const { conversation } = options;
    const id = client.send(conversation, text);
    client.markRead(conversation);
    await when((of) => numberOf(of, conversation, id) !== undefined);
    const seq = numberOf(client, conversation, id) ?? 0;
    acknowledged.set(id, seq);
    void noteAck(id, seq);
  }
}

function numberOf(of: Client, conversation: string, id: string): number | undefined {
  return of.timeline(conversation).entries.findLast((entry) => entry.id === id)?.seq;
}

const exported = {
  async join(given: PageOptions): Promise<void> {
    options = given;
    client = connect({
      url: given.url.replace(/^http/, "ws"),
      token: given.token,
      storage: browserStorage(),
      environment: environment(),
      ...(given.tabs === undefined ? {} : { tabs: given.tabs }),
    });
    await when(({ connection }) => connection.kind === "online");
    await client.openConversation(given.conversation);
  },
  begin(): void {
    isBusy = true;
    void write();
  },
  rest(): void {
    isBusy = false;
  },
  storageState: (): StorageState | undefined => client?.storageState,
  /** Online, nothing unsent, and everything up to this number. */
  isCaughtUp(lastSeq: number): boolean {
    if (client === undefined || options === undefined) return false;
    const entries = client.timeline(options.conversation).entries;
    return (
      client.connection.kind === "online" &&
      !client.syncing &&
      entries.every(({ seq }) => seq !== undefined) &&
      (client.conversation(options.conversation)?.lastSeq ?? 0) >= lastSeq
    );
  },
  testimony() {
    return {
      acknowledged: [...acknowledged],
      received: [...log.received],
      shown: client?.timeline(options?.conversation ?? "").entries.map(({ id }) => id) ?? [],
      contradictions: log.contradictions,
    };
  },
};

globalThis.device = exported;
