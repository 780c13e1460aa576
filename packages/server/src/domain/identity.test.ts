import { describe, expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { systemClock } from "../clock.ts";
import type { Presence, PresentUser } from "../ports/presence.ts";
import type { Store } from "../ports/store.ts";
import { temporaryFile, throwFault } from "../store/sqlite/fixture.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { Identity, type Login } from "./identity.ts";
import { Tokens } from "./tokens.ts";

/** Lets everybody in, each after `held` has come to its end; `asked` says that somebody waits for it. */
class SlowPresence implements Pick<Presence, "join" | "leave" | "rename"> {
  held: Promise<void> = Promise.resolve();
  asked = Promise.withResolvers<void>();
  readonly lobby = new Map<string, PresentUser>();

  async join(request: Parameters<Presence["join"]>[0]): ReturnType<Presence["join"]> {
    this.asked.resolve();
    await this.held;
    const { id, name, kind } = request;
    return { ok: true, user: this.#show({ id, name, kind, address: "240.0.0.1:1" }) };
  }

  async rename(id: string, name: string): ReturnType<Presence["rename"]> {
    const known = this.lobby.get(id);
    if (known === undefined) return { ok: false, reason: "unavailable" };
    return { ok: true, user: this.#show({ ...known, name }) };
  }

  leave(): void {}

  #show(user: PresentUser): PresentUser {
    this.lobby.set(user.id, user);
    return user;
  }
}

class Bench implements Disposable {
  readonly presence = new SlowPresence();
  readonly #file = temporaryFile();
  readonly store = openSqliteStore({
    path: this.#file.path,
    clock: systemClock,
    publish: () => undefined,
    onFault: throwFault,
  });

  identity(store: Store = this.store): Identity {
    return new Identity(
      store,
      this.presence as unknown as Presence,
      { publish: () => undefined, onNote: () => undefined },
      new Tokens("a secret of this test", this.store.realm, systemClock),
      { guests: true, members: undefined },
      systemClock,
      defaultLimits,
      () => 0,
    );
  }

  async ann(): Promise<Login> {
    const login = await this.identity().loginAsGuest("Ann Lee");
    if (!login.ok) throw new Error(login.code);
    return login.value;
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
    this.#file[Symbol.dispose]();
  }
}

test("[HL10] a session that was logged out while a login with it was under way counts as ended, and no other does", async () => {
  using bench = new Bench();
  const { presence } = bench;
  const identity = bench.identity();
  const first = await bench.ann();
  const { user, session, token } = first;
  const { promise, resolve } = Promise.withResolvers<void>();
  presence.held = promise;
  presence.asked = Promise.withResolvers();
  const second = identity.loginWithToken(token, undefined);
  await presence.asked.promise;
  expect(await identity.isStanding(first)).toBe(true);
  expect(await identity.logout(user, session)).toMatchObject({ ok: true });
  resolve();
  const outcome = await second;
  if (!outcome.ok) throw new Error(outcome.code);
  expect(await identity.isStanding(outcome.value)).toBe(false);
  // A login that begins after it is refused outright.
  expect(await identity.loginWithToken(token, undefined)).toMatchObject({ ok: false, code: "session_ended" });
});

/** What the store says to the first of two renamings, when it has carried out the second. */
describe.each(["takes", "refuses"] as const)("when the store %s a name late", (way) => {
  test("[NK5] and another device has taken another one meanwhile, the name that is shown is the one that is stored", async () => {
    using bench = new Bench();
    const { store, presence } = bench;
    const { user } = await bench.ann();
    const { promise, resolve } = Promise.withResolvers<void>();
    const late: Store = Object.assign(Object.create(store) as Store, {
      user: (id: string) => store.user(id),
      rename: async (id: string, name: string) => {
        await promise;
        return way === "takes" ? store.rename(id, name) : ({ ok: false, refusal: "unavailable" } as const);
      },
    });
    const first = bench.identity(late).rename(user, "Ann One");
    await bench.identity().rename(user, "Ann Two");
    resolve();
    expect((await first).ok).toBe(way === "takes");
    const stored = (await store.user(user.id))?.name;
    expect([stored, presence.lobby.get(user.id)?.name]).toEqual(
      way === "takes" ? ["Ann One", "Ann One"] : ["Ann Two", "Ann Two"],
    );
  });
});

test("[NK5, HL3] a login that read the name before it was changed does not bring it back", async () => {
  using bench = new Bench();
  const { presence } = bench;
  const identity = bench.identity();
  const { user, token } = await bench.ann();
  const { promise, resolve } = Promise.withResolvers<void>();
  presence.held = promise;
  presence.asked = Promise.withResolvers();
  const returning = identity.loginWithToken(token, undefined);
  await presence.asked.promise;
  await identity.rename(user, "Ann Two");
  resolve();
  const login = await returning;
  if (!login.ok) throw new Error(login.code);
  expect(await identity.isStanding(login.value)).toBe(true);
  expect(presence.lobby.get(user.id)?.name).toBe("Ann Two");
});
