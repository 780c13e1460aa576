/** Host login as the configuration has it, and a token of it for trying out. */
import { readFileSync } from "node:fs";
import { systemClock } from "../clock.ts";
import { type Config, MIN_SECRET_BYTES } from "../config/index.ts";
import { signTrialToken, type TrialToken } from "../domain/host-tokens.ts";
import type { HostLogin } from "../ports/host-login.ts";

/** The secret cannot be had; the message is one line for people. */
export class HostLoginError extends Error {
  override readonly name = "HostLoginError";
}

/** Undefined without host login. Throws HostLoginError when the secret's file cannot be used. */
export function readHostLogin(config: Config): HostLogin | undefined {
  const { hostJwks, hostIssuer: issuer, hostAudience: audience } = config;
  const secret = config.hostSecretFile === undefined ? config.hostSecret : readSecret(config.hostSecretFile);
  if (secret !== undefined) return { key: { kind: "secret", secret }, issuer, audience };
  return hostJwks === undefined ? undefined : { key: { kind: "jwks", url: hostJwks }, issuer, audience };
}

/** Throws HostLoginError when this server has nothing to sign with. */
export function makeTrialToken(config: Config, trial: TrialToken): Promise<string> {
  const login = readHostLogin(config);
  if (login === undefined) {
    throw new HostLoginError(
      "there is no secret to sign with. Give one by DUOLOGUE_HOST_SECRET or --host-secret-file, the same as the server's.",
    );
  }
  if (login.key.kind === "jwks") {
    throw new HostLoginError(
      "with --host-jwks, only the site can sign: its private key is not here. To try tokens out, run a server with --host-secret-file.",
    );
  }
  return signTrialToken(login.key.secret, login, trial, systemClock);
}

function readSecret(path: string): string {
  const secret = readText(path).trim();
  const bytes = Buffer.byteLength(secret);
  if (bytes >= MIN_SECRET_BYTES) return secret;
  throw new HostLoginError(
    `the secret in ${path} has ${bytes} bytes; at least ${MIN_SECRET_BYTES} are needed (for example: openssl rand -base64 48).`,
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new HostLoginError(`the secret's file cannot be read (${(error as Error).message}).`);
  }
}
