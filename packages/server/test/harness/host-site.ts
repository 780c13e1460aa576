/** A site that embeds the server, as its tokens show it. */
import { closeTable } from "@duologue/protocol";
import { systemClock } from "../../src/clock.ts";
import { freshName, type Hello, Peer, RefusedError } from "./peer.ts";
import { hs256 } from "./token.ts";

export const SECRET = "a secret of this test, long enough for HS256";

export const seconds = (): number => Math.floor(systemClock.now() / 1000);

export function signed(claims: Record<string, unknown>, secret = SECRET): string {
  return hs256({ alg: "HS256", typ: "JWT" }, { exp: seconds() + 600, ...claims }, secret);
}

/** Somebody of the site whom nobody has seen yet. */
export function someone(more: Record<string, unknown> = {}): { sub: string; name: string } {
  return { sub: Bun.randomUUIDv7(), name: freshName("Ann"), ...more };
}

export async function refused(url: string, hello: Hello): Promise<{ code: string; close: number }> {
  const peer = await Peer.open(url);
  const reason = await peer.hello(hello).catch((error: unknown) => error);
  if (!(reason instanceof RefusedError)) throw new Error(`not refused: ${String(reason)}`);
  return { code: reason.frame.code, close: (await peer.whenClosed()).code };
}

export const refusedWith = (code: string): { code: string; close: number } => ({
  code,
  close: closeTable.hello_refused.code,
});
