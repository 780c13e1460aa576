/** Runs in the browsers of the chaos: a device that writes one message after the other, with the same log as the others. */
import {
  browserEnvironment,
  browserStorage,
  type Client,
  connect,
  type Environment,
  type StorageState,
} from "@duologue/client";
import { type Change, toShown } from "../harness/shown.ts";
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
  /** With the texts that will be gone by it. */
  function noteChange(change: Change, erased: readonly string[]): Promise<void>;
  function noteAck(id: string, seq: number): Promise<void>;
  var device: typeof exported;
}

/** Empty in a tab that shares another one's connection. */
const EDIT_EVERY = 7;
const RETRACT_EVERY = 11;
/** Of how many last messages one is changed. */
const STANDING = 6;

const log = new WireLog(new Horizon("own"));
const acknowledged = new Map<string, number>();
let client: Client | undefined;
let options: PageOptions | undefined;
let isBusy = false;
let written = 0;

interface Standing {
  readonly seq: number;
  readonly texts: string[];
}

/** Its last messages in this life that were not taken back. */
const standing: Standing[] = [];

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
    const message = standing[written % Math.max(1, standing.length)];
    if (message !== undefined && written % EDIT_EVERY === 0)
      await edit(client, options.conversation, message, text);
    else if (message !== undefined && written % RETRACT_EVERY === 0)
      await retract(client, options.conversation, message);
    else await send(client, options.conversation, text);
  }
}

async function send(of: Client, conversation: string, text: string): Promise<void> {
  // Before it is sent: a text that nobody knows of must not turn up.
  await noteText(text);
  const id = of.send(conversation, text);
  of.markRead(conversation);
  await when(() => numberOf(of, conversation, id) !== undefined);
  const seq = numberOf(of, conversation, id) ?? 0;
  standing.push({ seq, texts: [text] });
  if (standing.length > STANDING) standing.shift();
  acknowledged.set(id, seq);
  void noteAck(id, seq);
}

async function edit(of: Client, conversation: string, message: Standing, text: string): Promise<void> {
  const { seq: target } = message;
  message.texts.push(text);
  await noteText(text);
  await noteChange({ kind: "edit", target, text }, []);
  of.edit(conversation, target, text);
  await when(() => hasSettled(of, conversation, target));
}

async function retract(of: Client, conversation: string, message: Standing): Promise<void> {
  const { seq: target } = message;
  standing.splice(standing.indexOf(message), 1);
  await noteChange({ kind: "retract", target }, message.texts);
  of.retract(conversation, target);
  await when(() => hasSettled(of, conversation, target));
}

/** What was changed of it has a number. */
function hasSettled(of: Client, conversation: string, target: number): boolean {
  const { entries } = of.timeline(conversation);
  return entries.findLast(({ seq }) => seq === target)?.change === undefined;
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
      entries.every(({ seq, change }) => seq !== undefined && change === undefined) &&
      (client.conversation(options.conversation)?.lastSeq ?? 0) >= lastSeq
    );
  },
  testimony() {
    return {
      acknowledged: [...acknowledged],
      received: [...log.received],
      shown: client?.timeline(options?.conversation ?? "").entries.map(toShown) ?? [],
      contradictions: log.contradictions,
    };
  },
};

globalThis.device = exported;
