/** The store as a worker sees it: its own reads, and writes through the link to the primary's one writer. */
import type { PrimaryLink } from "../link/client.ts";
import { tags } from "../link/messages.ts";
import type { Store, StoreReads } from "../ports/store.ts";
import { composeStore, type Submit, type WriteOutcome } from "../store/index.ts";

const UNAVAILABLE: WriteOutcome = Object.freeze({ ok: false, refusal: "unavailable" });

export function linkedStore(reader: StoreReads, link: PrimaryLink): Store {
  const submit: Submit = (request, done) => {
    // The primary answers a request with an outcome of its own operation.
    const settle = done as (outcome: WriteOutcome) => void;
    if (request.op === "append") link.append(request.draft, settle);
    else
      void link.call(tags.write, request).then((outcome) => settle((outcome ?? UNAVAILABLE) as WriteOutcome));
  };
  return composeStore(reader, submit);
}
