/** Host login: tokens (JWT, RFC 7519) that the site which embeds us signs for its own users. Rules HT of SPEC.md. */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from "jose";
import type { Clock } from "../clock.ts";
import type { HostLogin } from "../ports/host-login.ts";
import type { UserId } from "../ports/store.ts";

export interface HostClaims {
  readonly user: UserId;
  /** As the site wrote it: not yet checked by the rules of nicknames. */
  readonly name: string;
  /** Names what `logout` ends (HT7). */
  readonly session: string;
  /** The token's `exp`, in milliseconds since 1970. It is taken until HOST_TOLERANCE_MS later. */
  readonly expiresAt: number;
}

export type HostCheck =
  | { readonly ok: true; readonly claims: HostClaims }
  /** `detail` is for the site's developers; of a token whose signature does not fit it says nothing. */
  | { readonly ok: false; readonly reason: "invalid" | "expired"; readonly detail?: string }
  | { readonly ok: false; readonly reason: "unavailable" };

/** How far the clocks of the site and of this server may differ. */
export const HOST_TOLERANCE_MS = 30_000;
/** A token that lasts longer is refused: whoever finds it later could be that person. */
export const MAX_HOST_TOKEN_MS = 24 * 3600 * 1000;
const MAX_SUBJECT_CHARACTERS = 255;

export interface JwksTimes {
  /** For the whole answer. */
  readonly timeoutMs: number;
  /** Between two fetches for keys that are not known. */
  readonly cooldownMs: number;
  /** After a failed fetch, none is tried for this long. */
  readonly restMs: number;
}

const defaultTimes: JwksTimes = { timeoutMs: 3_000, cooldownMs: 30_000, restMs: 2_000 };

class KeysUnavailableError extends Error {
  override readonly name = "KeysUnavailableError";
}

export class HostTokens {
  /** Each way of proof has its own algorithms; what the token's head says chooses among these only. */
  private readonly check: (token: string, options: JWTVerifyOptions) => Promise<JWTPayload>;

  /** `onKeysFault` is told why the JWKS could not be fetched. */
  constructor(
    private readonly login: HostLogin,
    private readonly clock: Clock,
    onKeysFault: (error: unknown) => void,
    times = defaultTimes,
  ) {
    const { key } = login;
    if (key.kind === "secret") {
      const secret = new TextEncoder().encode(key.secret);
      this.check = async (token, options) =>
        (await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })).payload;
    } else {
      const keys = remoteKeys(key.url, clock, onKeysFault, times);
      this.check = async (token, options) =>
        (await jwtVerify(token, keys, { ...options, algorithms: ["RS256", "ES256", "EdDSA"] })).payload;
    }
  }

  /** Never rejects. */
  async verify(token: string): Promise<HostCheck> {
    const { issuer, audience } = this.login;
    try {
      const payload = await this.check(token, {
        requiredClaims: ["sub", "name", "exp"],
        clockTolerance: HOST_TOLERANCE_MS / 1000,
        currentDate: new Date(this.clock.now()),
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      return this.read(token, payload);
    } catch (error) {
      return refusalFor(error);
    }
  }

  /** The signature fits, and so do issuer, audience, `exp` as a past and `nbf`. */
  private read(token: string, { sub, name, iss, exp, iat, sid, jti }: JWTPayload): HostCheck {
    const latest = this.clock.now() + HOST_TOLERANCE_MS;
    if (typeof sub !== "string" || sub === "" || sub.length > MAX_SUBJECT_CHARACTERS || !sub.isWellFormed())
      return invalid(`sub must be a string of 1 to ${MAX_SUBJECT_CHARACTERS} characters.`);
    if (typeof name !== "string") return invalid("name must be a string.");
    if (iss !== undefined && typeof iss !== "string") return invalid("iss must be a string.");
    if (exp === undefined || exp * 1000 > latest + MAX_HOST_TOKEN_MS)
      return invalid("exp must be at most 24 hours ahead.");
    if (iat !== undefined && iat * 1000 > latest) return invalid("iat lies in the future.");
    const user = `h_${digest([iss ?? "", sub])}`;
    const [kind, value] = sessionOf(token, sid, jti);
    return {
      ok: true,
      claims: {
        user,
        name,
        session: `hs_${digest([user, kind, value])}`,
        expiresAt: Math.floor(exp * 1000),
      },
    };
  }
}

/** What a token for trying out says (`duologue token`). */
export interface TrialToken {
  readonly sub: string;
  readonly name: string;
  readonly lastsMs: number;
}

export function signTrialToken(
  secret: string,
  login: Omit<HostLogin, "key">,
  trial: TrialToken,
  clock: Clock,
): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  const token = new SignJWT({ name: trial.name })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(trial.sub)
    .setIssuedAt(now)
    .setExpirationTime(now + Math.floor(trial.lastsMs / 1000));
  if (login.issuer !== undefined) token.setIssuer(login.issuer);
  if (login.audience !== undefined) token.setAudience(login.audience);
  return token.sign(new TextEncoder().encode(secret));
}

/** The site's keys, fetched when first needed, and again when a token names one that is not among them. */
function remoteKeys(
  url: string,
  clock: Clock,
  onFault: (error: unknown) => void,
  { timeoutMs, cooldownMs, restMs }: JwksTimes,
): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
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

/** Whatever else goes wrong while a key is looked for is the set's fault, or the network's. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

function refusalFor(error: unknown): HostCheck {
  if (error instanceof KeysUnavailableError) return { ok: false, reason: "unavailable" };
  if (error instanceof errors.JWTExpired) return { ok: false, reason: "expired" };
  // Claims are looked at after the signature: who reads this can sign.
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalid(`${error.claim} is missing or not as it must be.`);
  if (error instanceof errors.JWKSMultipleMatchingKeys) return invalid("The token must name its key (kid).");
  return { ok: false, reason: "invalid" };
}

function invalid(detail: string): HostCheck {
  return { ok: false, reason: "invalid", detail };
}

function sessionOf(token: string, sid: unknown, jti: unknown): readonly [kind: string, value: string] {
  if (typeof sid === "string") return ["sid", sid];
  return typeof jti === "string" ? ["jti", jti] : ["token", token];
}

/** 132 bits of SHA-256: enough that nobody finds two that agree. */
function digest(parts: readonly string[]): string {
  return new Bun.CryptoHasher("sha256").update(parts.join("\0")).digest("base64url").slice(0, 22);
}
