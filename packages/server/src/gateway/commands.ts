/** What a logged-in v1 client asks: one exhaustive switch from frame to domain call to reply. */
import { type ClientFrame, type ClientFrameOf, encodeFrame, type FrameReference } from "@duologue/protocol";
import type { Sender, Wish } from "../domain/chat.ts";
import { type Fault, fault, type Outcome } from "../domain/fault.ts";
import {
  type Appended,
  type ConversationId,
  decodeCursor,
  encodeCursor,
  type UserId,
} from "../ports/store.ts";
import type { Connection, V1State } from "./connection.ts";
import type { Gateway } from "./context.ts";
import { sendFault } from "./replies.ts";

type Ready = Extract<V1State, { name: "ready" }>;
type Command = Exclude<ClientFrame, { type: "hello" }>;

export function carryOut(gateway: Gateway, connection: Connection, state: Ready, frame: Command): void {
  gateway.statistics.messagesIn += 1;
  switch (frame.type) {
    case "send":
    case "edit":
    case "retract":
      submit(gateway, connection, state, wishOf(frame));
      break;
    case "ping":
      if (frame.cursor === undefined) connection.push(pong(gateway, frame.ref, false));
      else
        void answer(gateway, connection, frame, () =>
          ping(gateway, connection, state, frame.ref, frame.cursor ?? ""),
        );
      break;
    default:
      void answer(gateway, connection, frame, () => carryOutSlowly(gateway, connection, state, frame));
  }
}

type SlowCommand = Exclude<Command, { type: "send" | "edit" | "retract" | "ping" }>;

/** Everything that waits for the store and is not on the path of a message. Returns the fault, if any. */
async function carryOutSlowly(
  gateway: Gateway,
  connection: Connection,
  state: Ready,
  frame: SlowCommand,
): Promise<Fault | undefined> {
  const { chat, identity, reading } = gateway;
  const { user } = state;
  switch (frame.type) {
    case "typing":
      return faultOf(await chat.typing(user.id, frame.conversation, frame.active));
    case "mark":
      return faultOf(await chat.mark(user.id, frame.conversation, frame.delivered ?? 0, frame.read ?? 0));
    case "open":
      return open(gateway, connection, state, frame);
    case "watch":
      return watch(gateway, connection, state, frame);
    case "search": {
      const users = await reading.search(frame.query);
      connection.push(encodeFrame({ type: "users", ref: frame.ref, users }));
      return undefined;
    }
    case "conversations": {
      const { conversations, next } = await reading.conversations(user.id, frame.before);
      const more = next === undefined ? {} : { next };
      connection.push(encodeFrame({ type: "conversations", ref: frame.ref, conversations, ...more }));
      return undefined;
    }
    case "history": {
      const page = await reading.history(user.id, frame.conversation, frame.before);
      if (!page.ok) return page;
      const { ref, conversation } = frame;
      connection.push(encodeFrame({ type: "history", ref, conversation, ...page.value }));
      return undefined;
    }
    case "sync": {
      const changes = await reading.changes(user.id, frame.cursor);
      connection.advanceTo(decodeCursor(gateway.epoch, changes.cursor) ?? 0);
      connection.push(encodeFrame({ type: "changes", ref: frame.ref, ...changes }));
      return undefined;
    }
    case "rename": {
      const renamed = await identity.rename(user, frame.nickname);
      if (!renamed.ok) return renamed;
      adoptName(gateway, renamed.value.id, renamed.value.name);
      const { id, name, kind } = renamed.value;
      connection.push(encodeFrame({ type: "renamed", ref: frame.ref, user: { id, name, kind } }));
      return undefined;
    }
    case "token":
      return renew(gateway, connection, state, frame);
    case "logout": {
      connection.isLeaving = true;
      const ended = await identity.logout(user, state.session);
      connection.isLeaving = ended.ok;
      if (!ended.ok) return ended;
      connection.push(encodeFrame({ type: "logged-out", ref: frame.ref }));
      connection.close("logged_out");
      return undefined;
    }
    default:
      return frame satisfies never;
  }
}

async function watch(
  gateway: Gateway,
  connection: Connection,
  { user }: Ready,
  { ref, conversations }: Extract<SlowCommand, { type: "watch" }>,
): Promise<Fault | undefined> {
  if (conversations.length > gateway.limits.watchedPeers) return fault("too_many_watched");
  connection.watchFrames += 1;
  const turn = connection.watchFrames;
  const users = await findPeers(gateway, user.id, conversations);
  if (users === undefined) return fault("conversation_unknown");
  // Closed meanwhile, it would be kept for ever.
  if (connection.isClosed) return undefined;
  // The store answers several questions at a time: a later frame's may have been answered first, and holds.
  if (turn > connection.watchedTurn) {
    connection.watchedTurn = turn;
    const refusal = await gateway.watching.watch(connection, users);
    if (refusal !== undefined) return refusal;
  }
  connection.push(gateway.watching.frameFor(users, ref));
  return undefined;
}

/** Looked up at the same time: a frame of names that do not exist must not cost a hundred reads. */
const LOOK_UPS = 10;

/** Undefined when one of the conversations is not the user's. */
async function findPeers(
  { chat }: Gateway,
  user: UserId,
  conversations: readonly ConversationId[],
): Promise<ReadonlySet<UserId> | undefined> {
  const found = new Set<UserId>();
  for (let start = 0; start < conversations.length; start += LOOK_UPS) {
    const asked = conversations.slice(start, start + LOOK_UPS);
    for (const peer of await Promise.all(asked.map((one) => chat.peer(user, one)))) {
      if (peer === undefined) return undefined;
      found.add(peer);
    }
  }
  return found;
}

async function renew(
  gateway: Gateway,
  connection: Connection,
  state: Ready,
  frame: Extract<SlowCommand, { type: "token" }>,
): Promise<Fault | undefined> {
  const renewed = await gateway.identity.renew(state.user, frame.token);
  if (!renewed.ok) return renewed;
  const { user, session, expiresAt } = renewed.value;
  state.session = session;
  state.expiresAt = expiresAt;
  state.isExpiryTold = false;
  adoptName(gateway, user.id, user.name);
  const { id, name, kind } = user;
  connection.push(
    encodeFrame({ type: "token-accepted", ref: frame.ref, user: { id, name, kind }, expiresAt }),
  );
  return undefined;
}

async function open(
  gateway: Gateway,
  connection: Connection,
  state: Ready,
  frame: Extract<SlowCommand, { type: "open" }>,
): Promise<Fault | undefined> {
  let id = frame.conversation;
  if (id === undefined) {
    if (frame.user === undefined)
      return fault("frame_invalid", { detail: "open needs a user or a conversation" });
    const opened = await gateway.chat.open(state.user, frame.user);
    if (!opened.ok) return opened;
    id = opened.value;
  }
  const conversation = await gateway.reading.conversation(state.user.id, id);
  if (!conversation.ok) return conversation;
  connection.push(encodeFrame({ type: "conversation", ref: frame.ref, conversation: conversation.value }));
  return undefined;
}

/**
 * Field by field: a frame also holds the fields that its schema does not know, which nobody has checked, and one frame's
 * unknown field may be another one's (a `retract` with a `body`).
 */
function wishOf(frame: ClientFrameOf<"send" | "edit" | "retract">): Wish {
  const { id, conversation } = frame;
  switch (frame.type) {
    case "send":
      return { kind: "message", id, conversation, body: frame.body, replyTo: frame.replyTo };
    case "edit":
      return { kind: "edit", id, conversation, body: frame.body, target: frame.target };
    case "retract":
      return { kind: "retract", id, conversation, target: frame.target };
    default:
      return frame satisfies never;
  }
}

/** The path of a message: no promise, so that acks leave in commit order with the events around them. */
function submit(gateway: Gateway, connection: Connection, state: Ready, wish: Wish): void {
  if (!reserve(gateway, connection, { id: wish.id })) return;
  const sender: Sender = { user: state.user, origin: connection.id };
  gateway.chat.submit(sender, wish, (outcome) => {
    connection.pending -= 1;
    if (outcome.ok) {
      connection.advanceTo(outcome.position);
      connection.push(ack(gateway.epoch, wish, outcome));
    } else sendFault(connection, outcome, { id: wish.id });
  });
}

/** Written out, since it is sent once for every message: id and conversation hold no character that JSON escapes. */
function ack(
  epoch: string,
  { id, conversation }: Wish,
  { seq, time, position, prev, duplicate }: Appended,
): string {
  const head = `{"type":"ack","id":"${id}","conversation":"${conversation}","seq":${seq},"time":${time}`;
  if (duplicate) return `${head},"duplicate":true}`;
  return `${head},"cursor":"${encodeCursor(epoch, position)}","prev":"${encodeCursor(epoch, prev)}"}`;
}

async function ping(
  gateway: Gateway,
  connection: Connection,
  state: Ready,
  ref: number | undefined,
  cursor: string,
): Promise<undefined> {
  connection.push(pong(gateway, ref, await gateway.reading.isBehind(state.user.id, cursor)));
}

function pong(gateway: Gateway, ref: number | undefined, behind: boolean): string {
  return encodeFrame({
    type: "pong",
    ...(ref === undefined ? {} : { ref }),
    time: gateway.clock.now(),
    behind,
  });
}

/** Runs a request and sends its fault, if any. Never rejects: what throws here would end the worker. */
async function answer(
  gateway: Gateway,
  connection: Connection,
  frame: SlowCommand | Extract<Command, { type: "ping" }>,
  run: () => Promise<Fault | undefined>,
): Promise<void> {
  const request: FrameReference = "ref" in frame ? { ref: frame.ref } : {};
  if (!reserve(gateway, connection, request)) return;
  try {
    const failed = await run();
    if (failed !== undefined) sendFault(connection, failed, request);
  } catch (error) {
    gateway.failures.report(error, "request failed");
    sendFault(connection, fault("unavailable", { retryAfterMs: 1_000 }), request);
  } finally {
    connection.pending -= 1;
  }
}

/** Takes one of the connection's places for requests that wait for the store. */
function reserve(gateway: Gateway, connection: Connection, request: FrameReference): boolean {
  if (connection.pending >= gateway.limits.pendingPerConnection) {
    sendFault(connection, fault("busy", { retryAfterMs: 1_000 }), request);
    return false;
  }
  connection.pending += 1;
  return true;
}

function adoptName(gateway: Gateway, id: string, name: string): void {
  for (const { session } of gateway.connections.of(id)) {
    if (session.protocol === "v1" && session.state.name === "ready") {
      session.state.user = { ...session.state.user, name };
    }
  }
}

function faultOf(outcome: Outcome<undefined>): Fault | undefined {
  return outcome.ok ? undefined : outcome;
}
