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

/** What stands in the way: nobody listens; nobody answers; who we are; whom we believe, or whether at all; what we may. */
export type BusFault = "away" | "silent" | "credentials" | "encryption" | "rights";

/** The bus cannot be used; the message is one line for people, without secrets. */
export class BusError extends Error {
  override readonly name = "BusError";

  constructor(
    readonly fault: BusFault,
    message: string,
  ) {
    super(message);
  }
}

/** One server's: its next one may be tried after that. */
const DIAL_TIMEOUT_MS = 2_000;
/** The library's own; ours looks every second, see nats-link.ts. */
const PING_INTERVAL_MS = 120_000;

export interface ConnectionWishes {
  readonly name: string;
  /** `duologue.<realm>.`, before every subject. */
  readonly prefix: string;
  /** Hear what it says itself. */
  readonly echo: boolean;
}

/** Throws BusError. The connection does not come back by itself: that is the link's business. */
export async function openConnection(
  access: NatsAccess,
  { name, prefix, echo }: ConnectionWishes,
): Promise<NatsConnection> {
  try {
    return await connect({
      ...entrance(access),
      name,
      inboxPrefix: `${prefix}inbox`,
      noEcho: !echo,
      reconnect: false,
      timeout: DIAL_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
    });
  } catch (error) {
    const { fault, text } = explain(error);
    throw new BusError(fault, `${describeAddresses(access.urls)} ${text}`);
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

/** As the library and the runtime put it; there are no codes for it. */
const ENCRYPTION = /certificate|\btls\b|self.signed|altnames/i;

function explain(error: unknown): { readonly fault: BusFault; readonly text: string } {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    const text = "refuses the credentials (user and password or token in the address, or --bus-credentials)";
    return { fault: "credentials", text };
  }
  if (error instanceof errors.TimeoutError)
    return { fault: "silent", text: `does not answer within ${DIAL_TIMEOUT_MS} ms` };
  const { code, message } = error as { code?: unknown; message?: unknown };
  const said = String(message ?? error);
  const text = `cannot be entered: ${said}${typeof code === "string" ? ` (${code})` : ""}`;
  if (/credentials/i.test(said)) return { fault: "credentials", text };
  return { fault: ENCRYPTION.test(text) ? "encryption" : "away", text };
}
