/** One connection to NATS, from its address: who we are, whom we believe, and what a failure is called. */
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
} from "@nats-io/transport-node";

/** Where the bus is and how it is entered. Addresses may hold secrets: they are for the client, and for nobody's eyes. */
export interface NatsAccess {
  /** nats:// or tls://; any of them leads into the cluster. */
  readonly urls: readonly string[];
  /** The text of a credentials file (JWT and NKey seed). */
  readonly credentials: string | undefined;
  /** Certificates (PEM) by which the bus is believed. */
  readonly ca: string | undefined;
}

/** The bus could not be entered; the message is one line for people, without secrets. */
export class BusError extends Error {
  override readonly name = "BusError";
}

/** One server's: its next one may be tried after that. */
const DIAL_TIMEOUT_MS = 2_000;
/** The library's own; ours looks every second, see nats-link.ts. */
const PING_INTERVAL_MS = 120_000;

/** Throws BusError. The connection does not come back by itself: that is the link's business. */
export async function openConnection(
  access: NatsAccess,
  name: string,
  inboxPrefix: string,
): Promise<NatsConnection> {
  try {
    return await connect({
      ...entrance(access),
      name,
      inboxPrefix,
      noEcho: true,
      reconnect: false,
      timeout: DIAL_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
    });
  } catch (error) {
    throw new BusError(`${describeAddresses(access.urls)} ${explain(error)}`);
  }
}

/** Without user, password and token. */
export function describeAddresses(urls: readonly string[]): string {
  return urls.map((url) => `${new URL(url).protocol}//${new URL(url).host}`).join(", ");
}

function entrance({ urls, credentials, ca }: NatsAccess): ConnectionOptions {
  const parsed = urls.map((url) => new URL(url));
  const known = parsed.find(({ username }) => username !== "");
  const isSecure = parsed.some(({ protocol }) => protocol === "tls:") || ca !== undefined;
  return {
    servers: parsed.map(({ host }) => host),
    ...(known === undefined ? {} : identity(known)),
    ...(credentials === undefined
      ? {}
      : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
    ...(isSecure ? { tls: ca === undefined ? {} : { ca } } : {}),
  };
}

/** nats://token@host or nats://user:password@host, as NATS's own tools read it. */
function identity({ username, password }: URL): ConnectionOptions {
  const user = decodeURIComponent(username);
  return password === "" ? { token: user } : { user, pass: decodeURIComponent(password) };
}

function explain(error: unknown): string {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
    return "refuses the credentials (user and password or token in the address, or --bus-credentials)";
  if (error instanceof errors.TimeoutError) return `does not answer within ${DIAL_TIMEOUT_MS} ms`;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return `cannot be entered: ${String(message ?? error)}${typeof code === "string" ? ` (${code})` : ""}`;
}
