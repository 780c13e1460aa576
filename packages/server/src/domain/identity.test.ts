import { expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { systemClock } from "../clock.ts";
import type { Presence } from "../ports/presence.ts";
import { temporaryFile, throwFault } from "../store/sqlite/fixture.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { Identity } from "./identity.ts";
import { Tokens } from "./tokens.ts";

/** Lets everybody in, each after `held` has come to its end; `asked` says that somebody waits for it. */
class SlowPresence implements Pick<Presence, "join" | "leave"> {
  held: Promise<void> = Promise.resolve();
  asked = Promise.withResolvers<void>();

  async join(request: Parameters<Presence["join"]>[0]): ReturnType<Presence["join"]> {
    this.asked.resolve();
    await this.held;
    const { id, name, kind } = request;
    return { ok: true, user: { id, name, kind, address: "240.0.0.1:1" } };
  }

  leave(): void {}
}

test("[HL10] a session that was logged out while a login with it was under way counts as ended, and no other does", async () => {
  using file = temporaryFile();
  using store = openSqliteStore({
    path: file.path,
    clock: systemClock,
    publish: () => undefined,
    onFault: throwFault,
  });
  const presence = new SlowPresence();
  const tokens = new Tokens("a secret of this test", store.realm, systemClock);
  const bus = { publish: () => undefined, onNote: () => undefined };
  const identity = new Identity(
    store,
    presence as unknown as Presence,
    bus,
    tokens,
    { guests: true, members: undefined },
    systemClock,
    defaultLimits,
    () => 0,
  );
  const first = await identity.loginAsGuest("Ann Lee");
  if (!first.ok) throw new Error(first.code);
  const { user, session, token } = first.value;
  const { promise, resolve } = Promise.withResolvers<void>();
  presence.held = promise;
  presence.asked = Promise.withResolvers();
  const second = identity.loginWithToken(token, undefined);
  await presence.asked.promise;
  expect(await identity.isEnded(first.value)).toBe(false);
  expect(await identity.logout(user, session)).toMatchObject({ ok: true });
  resolve();
  const outcome = await second;
  if (!outcome.ok) throw new Error(outcome.code);
  expect(await identity.isEnded(outcome.value)).toBe(true);
  // A login that begins after it is refused outright.
  expect(await identity.loginWithToken(token, undefined)).toMatchObject({ ok: false, code: "session_ended" });
});
