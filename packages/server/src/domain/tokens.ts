/** Session tokens: JWTs (RFC 7519) signed by this server, HS256 with a secret that never leaves its data directory. */
import { decodeJwt, errors, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../clock.ts";
import type { UserId } from "../ports/store.ts";

export interface SessionClaims {
  readonly user: UserId;
  readonly session: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export type TokenCheck =
  | { readonly ok: true; readonly claims: SessionClaims }
  | { readonly ok: false; readonly reason: "invalid" | "expired" };

const AUDIENCE = "duologue";

export class Tokens {
  private readonly key: Uint8Array;

  /** `issuer` is the store's realm: a token of other data is not ours, even with the same secret. */
  constructor(
    secret: string,
    private readonly issuer: string,
    private readonly clock: Clock,
  ) {
    this.key = new TextEncoder().encode(secret);
  }

  sign(claims: SessionClaims): Promise<string> {
    return new SignJWT({ sid: claims.session })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(claims.user)
      .setIssuer(this.issuer)
      .setAudience(AUDIENCE)
      .setExpirationTime(Math.floor(claims.expiresAt / 1000))
      .sign(this.key);
  }

  /** Whether it says that this server made it, true or not. */
  isOwn(token: string): boolean {
    try {
      return decodeJwt(token).iss === this.issuer;
    } catch {
      return false;
    }
  }

  /** Never rejects: whatever a stranger sends is either valid, expired or invalid. */
  async verify(token: string): Promise<TokenCheck> {
    try {
      const { payload } = await jwtVerify(token, this.key, {
        algorithms: ["HS256"],
        issuer: this.issuer,
        audience: AUDIENCE,
        requiredClaims: ["sub", "exp"],
        currentDate: new Date(this.clock.now()),
      });
      const { sub, sid, exp } = payload;
      if (typeof sub !== "string" || typeof sid !== "string" || exp === undefined)
        return { ok: false, reason: "invalid" };
      return { ok: true, claims: { user: sub, session: sid, expiresAt: exp * 1000 } };
    } catch (error) {
      return { ok: false, reason: error instanceof errors.JWTExpired ? "expired" : "invalid" };
    }
  }
}
