/** The port, put together from a reader and anything that takes requests: the queue of this process, or a socket to it. */
import type { Store, StoreReads } from "../ports/store.ts";
import type { OutcomeOf, Submit, WriteRequest } from "./requests.ts";

export function composeStore(reader: StoreReads, submit: Submit): Store {
  const ask = <R extends WriteRequest>(request: R): Promise<OutcomeOf<R>> =>
    new Promise((resolve) => submit(request, resolve));
  return {
    append: (draft, done) => submit({ op: "append", draft }, done),
    mark: (marks) => ask({ op: "mark", marks }),
    open: (open) => ask({ op: "open", open }),
    createUser: (user) => ask({ op: "create-user", user }),
    rename: (user, name) => ask({ op: "rename", user, name }),
    noteSeen: (seen) => ask({ op: "note-seen", seen }),
    startSession: (session) => ask({ op: "start-session", session }),
    extendSession: (id, expiresAt) => ask({ op: "extend-session", id, expiresAt }),
    endSession: (id) => ask({ op: "end-session", id }),
    epoch: reader.epoch,
    realm: reader.realm,
    session: (id) => reader.session(id),
    endedSessions: (ids) => reader.endedSessions(ids),
    user: (id) => reader.user(id),
    findUsers: (query, limit) => reader.findUsers(query, limit),
    membership: (conversation) => reader.membership(conversation),
    conversation: (user, conversation) => reader.conversation(user, conversation),
    conversations: (user, before, limit) => reader.conversations(user, before, limit),
    history: (conversation, before, limit) => reader.history(conversation, before, limit),
    position: (user) => reader.position(user),
    positions: (users) => reader.positions(users),
    changes: (user, since, limit, maxEvents) => reader.changes(user, since, limit, maxEvents),
    probe: () => reader.probe(),
  };
}
