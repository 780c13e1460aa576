/** A v1 connection: bytes → limits → frame → login or command. */
import {
  type ClientFrameOf,
  decodeClientFrame,
  encodeFrame,
  type Limits,
  PROTOCOL_VERSION,
  referenceOf,
  type ServerFrameOf,
} from "@duologue/protocol";
import { type Fault, fault, type Outcome } from "../domain/fault.ts";
import type { Login } from "../domain/identity.ts";
import { decodeCursor, type UserRecord } from "../ports/store.ts";
import { carryOut } from "./commands.ts";
import { type Connection, mayWait, type V1State } from "./connection.ts";
import type { Gateway } from "./context.ts";
import { sendFault } from "./replies.ts";

/** Frames that may wait while the login is decided. */
const MAX_WAITING = 64;

export function receiveV1(gateway: Gateway, connection: Connection, data: string | Buffer): void {
  const { session } = connection;
  if (session.protocol !== "v1" || connection.isClosed) return;
  const now = gateway.clock.monotonic();
  connection.lastFrameAt = now;
  const { state } = session;
  if (state.name === "hello-expected" && Buffer.byteLength(data) > gateway.limits.helloBytes) {
    connection.close("unauthenticated_limit");
    return;
  }
  const retryAfterMs = connection.admit(now);
  if (retryAfterMs > 0) {
    refuseAsTooFast(gateway, connection, data, retryAfterMs);
    return;
  }
  const waiting = state.name === "hello-expected" ? undefined : state.waiting;
  if (typeof data !== "string") sendFault(connection, fault("binary_unsupported"));
  else if (waiting === undefined) receiveText(gateway, connection, state, data);
  else if (mayWait(waiting, data, MAX_WAITING, gateway.limits.frameBytes)) waiting.push(data);
  else sendFault(connection, fault("too_fast"), referenceOf(data));
}

function receiveText(gateway: Gateway, connection: Connection, state: V1State, text: string): void {
  const decoded = decodeClientFrame(text);
  if (!decoded.ok) {
    sendFault(connection, fault("frame_invalid", { detail: decoded.problem }), referenceOf(text));
    if (state.name === "hello-expected") connection.close("frame_invalid");
    return;
  }
  const { frame } = decoded;
  if (state.name === "ready") {
    if (frame.type === "hello") sendFault(connection, fault("hello_repeated"));
    else carryOut(gateway, connection, state, frame);
  } else if (frame.type === "hello") {
    void login(gateway, connection, frame);
  } else {
    sendFault(connection, fault("hello_expected"), referenceOf(text));
    connection.close("frame_invalid");
  }
}

function refuseAsTooFast(
  gateway: Gateway,
  connection: Connection,
  data: string | Buffer,
  retryAfterMs: number,
): void {
  if (connection.refusedFrames > gateway.limits.framesRefused) connection.close("too_fast");
  else
    sendFault(
      connection,
      fault("too_fast", { retryAfterMs }),
      typeof data === "string" ? referenceOf(data) : {},
    );
}

/** Never rejects. */
async function login(gateway: Gateway, connection: Connection, hello: ClientFrameOf<"hello">): Promise<void> {
  const { session } = connection;
  if (session.protocol !== "v1") return;
  const waiting: string[] = [];
  session.state = { name: "joining", waiting };
  try {
    const outcome = await decide(gateway, connection, hello);
    if (!outcome.ok) refuse(connection, outcome);
    else if (connection.isClosed) gateway.presence.leave(outcome.value.user.id, false);
    else await welcome(gateway, connection, outcome.value, { cursor: hello.cursor, waiting });
  } catch (error) {
    gateway.failures.report(error, "login failed");
    connection.discardHeld();
    sendFault(connection, fault("unavailable"));
    connection.close("unavailable");
  }
  for (const text of waiting) {
    if (!connection.isClosed) receiveText(gateway, connection, session.state, text);
  }
}

async function decide(
  gateway: Gateway,
  connection: Connection,
  hello: ClientFrameOf<"hello">,
): Promise<Outcome<Login>> {
  if (hello.version !== PROTOCOL_VERSION) return fault("version_unsupported");
  if (hello.token !== undefined) return gateway.identity.loginWithToken(hello.token, hello.nickname);
  if (!gateway.identity.takesGuests) return fault("guests_closed");
  if (hello.nickname === undefined)
    return fault("frame_invalid", { detail: "hello needs a token or a nickname" });
  const { rateKey } = connection;
  const retryAfterMs = rateKey === "" ? 0 : gateway.guests.take(rateKey, gateway.clock.monotonic());
  if (retryAfterMs > 0) return fault("too_many_guests", { retryAfterMs });
  return gateway.identity.loginAsGuest(hello.nickname);
}

function refuse(connection: Connection, outcome: Fault): void {
  sendFault(connection, outcome);
  switch (outcome.code) {
    case "version_unsupported":
    case "frame_invalid":
    case "unavailable":
      connection.close(outcome.code);
      break;
    case "busy":
      connection.close("unavailable");
      break;
    default:
      connection.close("hello_refused");
  }
}

/**
 * The user is present, so notes for them reach this worker. The connection takes part from now on, but what comes for
 * it is held until the welcome with the state read below: together they leave nothing out.
 */
async function welcome(
  gateway: Gateway,
  connection: Connection,
  login: Login,
  { cursor, waiting }: { readonly cursor: string | undefined; readonly waiting: string[] },
): Promise<void> {
  const { session } = connection;
  if (session.protocol !== "v1") return;
  const { user, token, expiresAt } = login;
  connection.hold();
  // The lobby keeps these texts anyway; a copy for each connection is not needed.
  const { id, name } = gateway.presence.lobby.get(user.id) ?? user;
  const state: V1State = {
    name: "ready",
    user: { ...user, id, name },
    session: login.session,
    expiresAt,
    isExpiryTold: false,
    waiting,
  };
  session.state = state;
  gateway.connections.add(id, connection);
  if (!(await gateway.identity.isStanding(login))) {
    connection.close("logged_out");
    return;
  }
  const changes = cursor === undefined ? undefined : await gateway.reading.changes(user.id, cursor);
  const position =
    changes === undefined || changes.more ? await gateway.reading.cursor(user.id) : changes.cursor;
  connection.advanceTo(decodeCursor(gateway.epoch, position) ?? 0);
  connection.release(
    encodeFrame({
      type: "welcome",
      version: PROTOCOL_VERSION,
      user: publicUser(user),
      token,
      tokenExpiresAt: expiresAt,
      time: gateway.clock.now(),
      cursor: position,
      limits: publicLimits(gateway.limits),
      ...(changes === undefined ? {} : { changes }),
    }),
  );
  gateway.lobby.sendWhole(connection);
  state.waiting = undefined;
}

/** What a client needs to know to stay inside them. */
function publicLimits(limits: Limits): ServerFrameOf<"welcome">["limits"] {
  const { frameBytes, textCharacters, nicknameMinCharacters, nicknameMaxCharacters } = limits;
  const { framesPerSecond, pageEvents, silenceMs, watchedPeers } = limits;
  return {
    frameBytes,
    textCharacters,
    nicknameMinCharacters,
    nicknameMaxCharacters,
    framesPerSecond,
    pageEvents,
    silenceMs,
    watchedPeers,
  };
}

function publicUser({ id, name, kind }: UserRecord): { id: string; name: string; kind: UserRecord["kind"] } {
  return { id, name, kind };
}
