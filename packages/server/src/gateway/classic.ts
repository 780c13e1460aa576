/** A classic connection: the tutorial's frames, between classic users relayed at once and never stored. */
import { type ClassicFrame, classic, decodeClassic } from "@duologue/protocol";
import type { PresentUser } from "../ports/presence.ts";
import { type ClassicState, type Connection, mayWait } from "./connection.ts";
import type { Gateway } from "./context.ts";

type Ready = Extract<ClassicState, { name: "ready" }>;

/** Frames that may wait while the login is decided. */
const MAX_WAITING = 64;
/** Conversations with v1 users that one visitor's connection remembers. */
const MAX_CONVERSATIONS = 1_000;
const ignoreInvalid = new TextDecoder("utf-8", { fatal: true });

export function receiveClassic(gateway: Gateway, connection: Connection, data: string | Buffer): void {
  const { session } = connection;
  if (session.protocol !== "classic" || connection.isClosed) return;
  const now = gateway.clock.monotonic();
  connection.lastFrameAt = now;
  const { state } = session;
  if (state.name === "anonymous" && Buffer.byteLength(data) > gateway.limits.helloBytes) {
    connection.close("unauthenticated_limit");
    return;
  }
  if (connection.admit(now) > 0) {
    refuseAsTooFast(gateway, connection);
    return;
  }
  const text = typeof data === "string" ? data : decodeBinary(data);
  if (text === undefined) return;
  const waiting = state.name === "anonymous" ? undefined : state.waiting;
  if (waiting === undefined) receiveText(gateway, connection, state, text);
  else if (mayWait(waiting, text, ...(state.name === "joining" ? beforeLogin(gateway) : afterLogin(gateway))))
    waiting.push(text);
  else connection.push(classic.failed("too_fast"));
}

type WaitBounds = readonly [maxFrames: number, maxLength: number];

function beforeLogin({ limits }: Gateway): WaitBounds {
  return [MAX_WAITING, limits.frameBytes];
}

function afterLogin({ limits }: Gateway): WaitBounds {
  return [limits.framesBurst, limits.outboxBytes];
}

function receiveText(gateway: Gateway, connection: Connection, state: ClassicState, text: string): void {
  const frame = decodeClassic(text);
  gateway.statistics.messagesIn += 1;
  switch (frame.type) {
    case "login":
      if (state.name === "anonymous") void login(gateway, connection, frame.name);
      break;
    case "chat":
      if (state.name === "ready") chat(gateway, connection, state, frame);
      else connection.push(classic.failed("login"));
      break;
    case "word":
      if (state.name === "ready" && frame.text === "nihao") connection.push(classic.answer(state.user.name));
      break;
    case "ignored":
      break;
    default:
      frame satisfies never;
  }
}

/** Never rejects. */
async function login(gateway: Gateway, connection: Connection, name: string): Promise<void> {
  const { session } = connection;
  if (session.protocol !== "classic") return;
  const waiting: string[] = [];
  session.state = { name: "joining", waiting };
  const outcome = await gateway.identity.loginAsClassic(name, connection.address);
  if (!outcome.ok) {
    session.state = { name: "anonymous" };
    connection.push(classic.failed(outcome.code === "busy" ? "full" : "busy"));
    return;
  }
  const { record } = outcome.value;
  if (connection.isClosed) {
    gateway.presence.leave(record.id, true);
    return;
  }
  const state: Ready = { name: "ready", user: record, conversations: new Map(), waiting: undefined };
  session.state = state;
  gateway.connections.add(record.id, connection);
  connection.push(classic.success);
  connection.push(classic.welcome(name));
  gateway.lobby.sendClassicList(connection);
  receiveHeld(gateway, connection, state, waiting);
}

/** In the order they came, though one of them may have to wait again. */
function receiveHeld(gateway: Gateway, connection: Connection, state: Ready, texts: readonly string[]): void {
  for (const text of texts) {
    if (connection.isClosed) return;
    if (state.waiting === undefined) receiveText(gateway, connection, state, text);
    else state.waiting.push(text);
  }
}

type Chat = Extract<ClassicFrame, { type: "chat" }>;

function chat(gateway: Gateway, connection: Connection, state: Ready, frame: Chat): void {
  const peer = gateway.presence.lobby.byAddress(frame.address);
  if (peer === undefined) void chatWhenSettled(gateway, connection, state, frame);
  else deliver(gateway, connection, state, peer, frame.text);
}

/** The address may be of somebody who came to another worker this moment. Never rejects. */
async function chatWhenSettled(
  gateway: Gateway,
  connection: Connection,
  state: Ready,
  { address, text }: Chat,
): Promise<void> {
  state.waiting = [];
  await gateway.presence.settled();
  const held = state.waiting;
  state.waiting = undefined;
  if (connection.isClosed) return;
  const peer = gateway.presence.lobby.byAddress(address);
  if (peer === undefined) connection.push(classic.failed("offline"));
  else deliver(gateway, connection, state, peer, text);
  receiveHeld(gateway, connection, state, held);
}

function deliver(
  gateway: Gateway,
  connection: Connection,
  state: Ready,
  peer: PresentUser,
  text: string,
): void {
  if (peer.kind === "classic") gateway.bus.publish([peer.id], { kind: "relay", from: state.user.id, text });
  else void sendToStored(gateway, connection, state, peer, text);
}

/** To a v1 user: through the store, so that it stands in their history. Never rejects. */
async function sendToStored(
  gateway: Gateway,
  connection: Connection,
  state: Ready,
  peer: PresentUser,
  text: string,
): Promise<void> {
  if (connection.pending >= gateway.limits.pendingPerConnection) {
    connection.push(classic.failed("busy"));
    return;
  }
  connection.pending += 1;
  const conversation = await conversationWith(gateway, state, peer);
  if (conversation === undefined) {
    connection.pending -= 1;
    connection.push(classic.failed("busy"));
    return;
  }
  const sender = { user: state.user, origin: connection.id };
  const wish = {
    conversation,
    id: gateway.clock.uuid(),
    kind: "message",
    body: { kind: "text", text },
  } as const;
  gateway.chat.submit(sender, wish, (outcome) => {
    connection.pending -= 1;
    if (!outcome.ok) connection.push(classic.failed(outcome.code === "text_too_long" ? "too_long" : "busy"));
  });
}

function conversationWith(gateway: Gateway, state: Ready, peer: PresentUser): Promise<string | undefined> {
  const known = state.conversations.get(peer.id);
  if (known !== undefined) return known;
  const opened = gateway.chat.open(state.user, peer.id).then(
    (outcome) => (outcome.ok ? outcome.value : undefined),
    () => undefined,
  );
  if (state.conversations.size >= MAX_CONVERSATIONS) state.conversations.clear();
  state.conversations.set(peer.id, opened);
  void opened.then((conversation) => conversation ?? state.conversations.delete(peer.id));
  return opened;
}

function refuseAsTooFast(gateway: Gateway, connection: Connection): void {
  if (connection.refusedFrames > gateway.limits.framesRefused) connection.close("too_fast");
  else if (connection.refusedFrames === 1) connection.push(classic.failed("too_fast"));
}

/** Undefined, and so ignored, when it is not UTF-8. */
function decodeBinary(data: Buffer): string | undefined {
  try {
    return ignoreInvalid.decode(data);
  } catch {
    return undefined;
  }
}
