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

/** A message or a change, and the text that it has. */
export interface Written {
  readonly text?: string;
  readonly change?: Change;
}

/** What outlives the page, if it dies: bound to the process of the test. */
declare global {
  function noteText(text: string): Promise<void>;
  /** With the texts that will be gone by it. */
  function noteChange(change: Change, erased: readonly string[]): Promise<void>;
  /** Found in the storage: whatever becomes of the page, it must be sent. */
  function noteKept(written: Written): Promise<void>;
  function noteAck(id: string, seq: number): Promise<void>;
  var device: typeof exported;
}

const EDIT_EVERY = 7;
const RETRACT_EVERY = 11;
/** Of how many last messages one is changed. */
const STANDING = 6;
/** How often and how many times the storage is looked at for what was written. */
const LOOK_MS = 50;
const LOOKS = 200;

/** Empty in a tab that shares another one's connection. */
const log = new WireLog(new Horizon("own"));
const acknowledged = new Map<string, number>();
let client: Client | undefined;
let options: PageOptions | undefined;
/** What this page wrote, by the id under which it waits in the outbox. */
const outbox = new Map<string, Written>();
/** The storage as the next page would find it: it remembers nothing of this one. */
const nextStorage = browserStorage();
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
          log.onClosed(code);
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
  outbox.set(id, { text });
  of.markRead(conversation);
  await numbered(of, conversation, id, text);
}

async function numbered(of: Client, conversation: string, id: string, text: string): Promise<void> {
  await when(() => numberOf(of, conversation, id) !== undefined);
  const seq = numberOf(of, conversation, id) ?? 0;
  outbox.delete(id);
  standing.push({ seq, texts: [text] });
  if (standing.length > STANDING) standing.shift();
  acknowledged.set(id, seq);
  void noteAck(id, seq);
}

async function edit(of: Client, conversation: string, message: Standing, text: string): Promise<void> {
  const { seq: target } = message;
  const change: Change = { kind: "edit", target, text };
  message.texts.push(text);
  await noteText(text);
  await noteChange(change, []);
  const id = of.edit(conversation, target, text);
  outbox.set(id, { text, change });
  await when(() => hasSettled(of, conversation, target));
  outbox.delete(id);
}

async function retract(of: Client, conversation: string, message: Standing): Promise<void> {
  const { seq: target } = message;
  standing.splice(standing.indexOf(message), 1);
  const change: Change = { kind: "retract", target };
  await noteChange(change, message.texts);
  const id = of.retract(conversation, target);
  outbox.set(id, { change });
  await when(() => hasSettled(of, conversation, target));
  outbox.delete(id);
}

/** Notes everything of this page that is in the storage, as soon as this one is. Rejects when it does not come there. */
async function keep(id: string): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    await nextStorage.load?.();
    const kept = [...nextStorage.list("outbox/").keys()].map((key) => key.slice(key.lastIndexOf("/") + 1));
    if (kept.includes(id)) {
      const own = kept.flatMap((one) => outbox.get(one) ?? []);
      await Promise.all(own.map((one) => noteKept(one)));
      return;
    }
    await new Promise<void>((resolve) => void browserEnvironment().after(LOOK_MS, resolve));
  }
  throw new Error(`${id} is not in the storage`);
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
  /**
   * One more, whether those before have their numbers or not; only while the server cannot be reached. Resolves to whether
   * the storage keeps it; rejects when it should and does not.
   */
  async writeAhead(): Promise<boolean> {
    if (client === undefined || options === undefined) throw new TypeError("nobody has joined");
    const { conversation, name } = options;
    written += 1;
    const text = `${name}, number ${written}, ahead`;
    await noteText(text);
    const id = client.send(conversation, text);
    outbox.set(id, { text });
    void numbered(client, conversation, id, text);
    if (client.storageState?.kind !== "kept") return false;
    await keep(id);
    return true;
  },
  acknowledgedCount: (): number => acknowledged.size,
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
