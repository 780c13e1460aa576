/** Who may enter a nats-server by a credentials file. */
import type { NatsServerOptions } from "@duologue/testing";
import { nkeys } from "@nats-io/transport-node";
import { systemClock } from "../../src/clock.ts";

/** An operator, its account and a user of it, as `nsc` makes them; and a user of somebody else's account. */
export function makeAccounts(): {
  readonly server: NatsServerOptions;
  readonly credentials: string;
  readonly strangers: string;
} {
  const [operator, account, other] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const operatorJwt = sign(operator, operator.getPublicKey(), "operator", {});
  const unlimited = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1 };
  const accountJwt = sign(operator, account.getPublicKey(), "account", { limits: unlimited });
  const own = { allow: ["duologue.>"] };
  const credentials = (issuer: typeof account): string => {
    const user = nkeys.createUser();
    const jwt = sign(issuer, user.getPublicKey(), "user", {
      pub: own,
      sub: own,
      subs: -1,
      data: -1,
      payload: -1,
    });
    const seed = new TextDecoder().decode(user.getSeed());
    return `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
  };
  const configuration = `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`;
  return { server: { configuration }, credentials: credentials(account), strangers: credentials(other) };
}

function sign(
  issuer: ReturnType<typeof nkeys.createUser>,
  subject: string,
  type: string,
  claims: object,
): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const payload = {
    jti: systemClock.randomId(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    sub: subject,
    name: type,
    nats: { ...claims, type, version: 2 },
  };
  const text = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(payload)}`;
  return `${text}.${Buffer.from(issuer.sign(new TextEncoder().encode(text))).toString("base64url")}`;
}
