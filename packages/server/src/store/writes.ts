/** The writing half of the port on top of anything that takes requests: the queue of this process, or a socket to it. */
import type { StoreWrites } from "../ports/store.ts";
import type { OutcomeOf, Submit, WriteRequest } from "./requests.ts";

export function writesThrough(submit: Submit): StoreWrites {
  const ask = <R extends WriteRequest>(request: R): Promise<OutcomeOf<R>> =>
    new Promise((resolve) => submit(request, resolve));
  return {
    append: (draft, done) => submit({ op: "append", draft }, done),
    mark: (marks) => ask({ op: "mark", marks }),
    open: (open) => ask({ op: "open", open }),
    createUser: (user) => ask({ op: "create-user", user }),
    rename: (user, name) => ask({ op: "rename", user, name }),
    startSession: (session) => ask({ op: "start-session", session }),
    extendSession: (id, expiresAt) => ask({ op: "extend-session", id, expiresAt }),
    endSession: (id) => ask({ op: "end-session", id }),
  };
}
