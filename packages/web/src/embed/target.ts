/** Which conversation the frame is to show, from asking for it to having it. */
import { type Client, RequestError } from "@duologue/client";
import { hostUserId } from "./host-user.ts";
import { type Problem, problemOf } from "./words.ts";

export type Target =
  | { readonly kind: "list" }
  | { readonly kind: "opening" }
  | { readonly kind: "talk"; readonly conversation: string }
  | { readonly kind: "problem"; readonly problem: Problem };

/** The conversation with the peer that the host page names; undefined when the connection went and it is to be asked again. */
export async function openPeer(
  client: Client,
  peer: string,
  hostToken: string | undefined,
): Promise<Target | undefined> {
  try {
    const user = hostToken === undefined ? peer : await hostUserId(hostToken, peer);
    if (user === undefined) return { kind: "problem", problem: "tokenRefused" };
    return { kind: "talk", conversation: await client.open(user) };
  } catch (error) {
    const code = error instanceof RequestError ? error.code : "failed";
    if (code === "disconnected" || code === "timeout") return undefined;
    return { kind: "problem", problem: problemOf(code) };
  }
}
