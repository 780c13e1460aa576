/** Tokens (RFC 7519) as a forger makes them. */

export interface TokenParts {
  readonly head: Record<string, unknown>;
  readonly payload: Record<string, unknown>;
  readonly signature: string;
}

function encodePart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decodePart(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
}

export function parseToken(token: string): TokenParts {
  const [head = "", payload = "", signature = ""] = token.split(".");
  return { head: decodePart(head), payload: decodePart(payload), signature };
}

export function unsignedToken(head: unknown, payload: unknown): string {
  return `${encodePart(head)}.${encodePart(payload)}.`;
}

/** Signed with HMAC SHA-256 (RFC 7518 §3.2), whatever the head claims. */
export function hs256(head: unknown, payload: unknown, secret: string): string {
  const signed = `${encodePart(head)}.${encodePart(payload)}`;
  const signature = new Bun.CryptoHasher("sha256", secret).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}
