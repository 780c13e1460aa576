/** The public keys of the site that embeds us (JWKS, RFC 7517), fetched from an address that the operator configured. */
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../clock.ts";

export interface JwksTimes {
  /** For the whole answer. */
  readonly timeoutMs: number;
  /** Between two fetches for keys that are not known. */
  readonly cooldownMs: number;
  /** After a failed fetch, none is tried for this long. */
  readonly restMs: number;
}

export const defaultTimes: JwksTimes = { timeoutMs: 3_000, cooldownMs: 30_000, restMs: 2_000 };

/** Hundreds of keys; a site has a handful. */
export const MAX_JWKS_BYTES = 256 * 1024;

export class KeysUnavailableError extends Error {
  override readonly name = "KeysUnavailableError";
}

/**
 * The site's keys, fetched when first needed, and again when a token names one that is not among them. `onFault` is told
 * why they could not be had; whoever waits for one then gets KeysUnavailableError.
 */
export function remoteKeys(
  url: string,
  clock: Clock,
  onFault: (error: unknown) => void,
  { timeoutMs, cooldownMs, restMs }: JwksTimes,
): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    [customFetch]: fetchBounded,
  });
  let restsUntil = Number.NEGATIVE_INFINITY;
  return async (head, input) => {
    try {
      if (clock.monotonic() >= restsUntil) return await keys(head, input);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      // Strangers send tokens too: while the site does not answer, theirs do not make us ask it again and again.
      if (clock.monotonic() >= restsUntil) onFault(error);
      restsUntil = clock.monotonic() + restMs;
    }
    // Nor do they shut out those whose key is known.
    const known = keys.fresh ? keys.jwks() : undefined;
    if (known === undefined) throw new KeysUnavailableError("the JWKS could not be fetched");
    try {
      return await createLocalJWKSet(known)(head, input);
    } catch (error) {
      throw new KeysUnavailableError("the key is not known, and the JWKS could not be fetched", {
        cause: error,
      });
    }
  };
}

/**
 * The answer with its body read, if that is no longer than MAX_JWKS_BYTES: the site is trusted with who its users are, not
 * with this process's memory. `options.signal` bounds the time for the body too.
 */
async function fetchBounded(
  url: string,
  options: { headers: Headers; method: "GET"; redirect: "manual"; signal: AbortSignal },
): Promise<Response> {
  const { status, headers, body } = await fetch(url, options);
  if (status !== 200 || body === null) {
    await body?.cancel();
    // A redirect too: it could lead inside the operator's network.
    throw new KeysUnavailableError(`the site answered with status ${status}`);
  }
  if (Number(headers.get("content-length") ?? 0) > MAX_JWKS_BYTES) {
    await body.cancel();
    throw new KeysUnavailableError(`the JWKS is longer than ${MAX_JWKS_BYTES} bytes`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop by a throw ends the transfer.
  for await (const part of body) {
    // Counted as it unfolds, should it come compressed.
    length += part.length;
    if (length > MAX_JWKS_BYTES)
      throw new KeysUnavailableError(`the JWKS is longer than ${MAX_JWKS_BYTES} bytes`);
    parts.push(part);
  }
  return new Response(Buffer.concat(parts));
}

/** Whatever else goes wrong while a key is looked for is the set's fault, or the network's. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
