import { expect, test } from "bun:test";
import { defaultLimits } from "@duologue/protocol";
import { FakeClock } from "../../test/harness/fake-clock.ts";
import type { Bus } from "../ports/bus.ts";
import type { Presence } from "../ports/presence.ts";
import type { Draft, Membership, Store, UserRecord } from "../ports/store.ts";
import { Chat } from "./chat.ts";

const ann: UserRecord = { id: "u_ann", name: "Ann", kind: "guest", createdAt: 0 };
const bob: UserRecord = { id: "u_bob", name: "Bob", kind: "guest", createdAt: 0 };

test("[CV12] wishes reach the store in their order, though the first ones must look up who is in the conversation", async () => {
  const drafts: Draft[] = [];
  const lookUps: PromiseWithResolvers<Membership | undefined>[] = [];
  const store: Pick<Store, "membership" | "append"> = {
    membership: () => {
      const lookUp = Promise.withResolvers<Membership | undefined>();
      lookUps.push(lookUp);
      return lookUp.promise;
    },
    append: (draft) => drafts.push(draft),
  };
  const presence: Pick<Presence, "isOnline"> = { isOnline: () => true };
  // What the path of a message needs of them.
  const chat = new Chat(store as Store, presence as Presence, {} as Bus, new FakeClock(), defaultLimits);
  const submit = (text: string): void => {
    const wish = { kind: "message", id: text, conversation: "d_1", body: { kind: "text", text } } as const;
    chat.submit({ user: ann, origin: 1 }, wish, () => expect.unreachable());
  };
  for (const text of ["1", "2", "3"]) submit(text);
  // As a database with several connections may: the last question is answered first.
  for (const lookUp of lookUps.reverse()) {
    lookUp.resolve({ id: "d_1", users: [ann, bob] });
    await lookUp.promise;
  }
  await Promise.resolve();
  submit("4");
  expect(drafts.map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
});

test("[CV12] wishes to a classic user keep their order, also when their state becomes known while it is asked for", async () => {
  const drafts: Draft[] = [];
  const cid: UserRecord = { id: "u_cid", name: "Cid", kind: "classic", createdAt: 0 };
  const store: Pick<Store, "membership" | "append"> = {
    membership: async () => ({ id: "d_1", users: [ann, cid] }),
    append: (draft) => drafts.push(draft),
  };
  const question = Promise.withResolvers<ReadonlySet<string>>();
  let isOnline: boolean | undefined;
  const presence: Pick<Presence, "isOnline" | "findOnline"> = {
    isOnline: () => isOnline,
    findOnline: () => question.promise,
  };
  const chat = new Chat(store as Store, presence as Presence, {} as Bus, new FakeClock(), defaultLimits);
  const submit = async (text: string): Promise<void> => {
    const wish = { kind: "message", id: text, conversation: "d_1", body: { kind: "text", text } } as const;
    chat.submit({ user: ann, origin: 1 }, wish, () => expect.unreachable());
    for (let round = 0; round < 30; round += 1) await Promise.resolve();
  };
  await submit("1");
  await submit("2");
  isOnline = true;
  await submit("3");
  expect(drafts).toEqual([]);
  question.resolve(new Set(["u_cid"]));
  await submit("4");
  expect(drafts.map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
});
