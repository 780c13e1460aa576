/** Which conversation the host page wants, from asking for it to having it. */
import { type Client, RequestError } from "@duologue/client";
import { hostUserId } from "./host-user.ts";

export type Target =
  /** Whichever one chooses. */
  | { readonly kind: "any" }
  | { readonly kind: "opening" }
  | { readonly kind: "conversation"; readonly id: string }
  | { readonly kind: "problem"; readonly code: string };

/**
 * The conversation with the peer that the host page names, by `sub` when it gave a token; undefined when the connection went
 * and it is to be asked again.
 */
export async function openPeer(
  client: Client,
  peer: string,
  hostToken: string | undefined,
): Promise<Target | undefined> {
  try {
    const user = hostToken === undefined ? peer : await hostUserId(hostToken, peer);
    if (user === undefined) return { kind: "problem", code: "token_invalid" };
    return { kind: "conversation", id: await client.open(user) };
  } catch (error) {
    const code = error instanceof RequestError ? error.code : "failed";
    if (code === "disconnected" || code === "timeout") return undefined;
    return { kind: "problem", code };
  }
}
