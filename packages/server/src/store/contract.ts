/**
 * The contract of the store (ports/store.ts and the rules of SPEC.md that a store decides), as a suite that every
 * adapter runs. It uses the port only.
 */
import { describe } from "bun:test";
import { conversationContract } from "./contract/conversations.ts";
import type { MakeStore } from "./contract/fixture.ts";
import { markerContract } from "./contract/markers.ts";
import { numberContract } from "./contract/numbers.ts";
import { peopleContract } from "./contract/people.ts";
import { publicationContract } from "./contract/publications.ts";
import { readingContract } from "./contract/reading.ts";
import { repeatContract } from "./contract/repeats.ts";
import { revisionContract } from "./contract/revisions.ts";
import { syncContract } from "./contract/sync.ts";

export type { MakeStore, StoreFixture, StoreSetup } from "./contract/fixture.ts";

export function storeContract(name: string, makeStore: MakeStore): void {
  describe(`store contract: ${name}`, () => {
    numberContract(makeStore);
    repeatContract(makeStore);
    revisionContract(makeStore);
    publicationContract(makeStore);
    conversationContract(makeStore);
    markerContract(makeStore);
    readingContract(makeStore);
    syncContract(makeStore);
    peopleContract(makeStore);
  });
}
