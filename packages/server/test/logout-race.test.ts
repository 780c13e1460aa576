/** A session is logged out in the very moment in which it is used to log in somewhere else. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { closeTable } from "@duologue/protocol";
import { startServer } from "@duologue/testing";
import { Peer, RefusedError } from "./harness/peer.ts";

setDefaultTimeout(60_000);

const ROUNDS = 40;

/** How a login that met a logout ended. It must end: a session that is over holds no connection. */
async function howItEnds(
  url: string,
  token: string,
  goesFirst: "login" | "logout",
  leave: () => Promise<void>,
): Promise<string> {
  const other = await Peer.open(url);
  const left = goesFirst === "logout" ? leave() : undefined;
  const login = other.hello({ token }).then(
    () => "welcome",
    (reason: unknown) => (reason instanceof RefusedError ? reason.frame.code : "closed"),
  );
  await (left ?? leave());
  const answer = await login;
  const { code } = await other.whenClosed();
  return `${answer}, ${code}`;
}

test("[HL10] a login that overlaps the logout of its session is refused or closed, never left open", async () => {
  await using server = await startServer({ workers: 2 });
  const { logged_out, hello_refused } = closeTable;
  const allowed = [
    `session_ended, ${hello_refused.code}`,
    `closed, ${logged_out.code}`,
    `welcome, ${logged_out.code}`,
  ];
  for (let round = 0; round < ROUNDS; round += 1) {
    const ann = await Peer.connect(server.url);
    const order = round % 2 === 0 ? "login" : "logout";
    expect(allowed).toContain(await howItEnds(server.url, ann.token, order, () => ann.logout()));
  }
});
