/**
 * What a user of NATS may do. One who is let in, and may not speak about Duologue, looks as well as any other until
 * something is said: so a node tries it before it begins, on a connection of its own that hears itself.
 */
import { errors, type NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../clock.ts";
import { BusError, describeAddresses, type NatsAccess, openConnection } from "./connection.ts";

const ANSWER_TIMEOUT_MS = 2_000;

/** Asks itself a question below `duologue.<realm>.`, and answers it. Throws BusError when that is not allowed. */
export async function checkRights(
  access: NatsAccess,
  realm: string,
  clock: Pick<Clock, "randomId">,
): Promise<void> {
  const prefix = `duologue.${realm}.`;
  const connection = await openConnection(access, { name: "duologue start", prefix, echo: true });
  const refusals: string[] = [];
  try {
    void noteRefusals(connection, refusals);
    const subject = `${prefix}probe.${clock.randomId(9)}`;
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) message.respond();
      },
    });
    // What is refused is said before this is answered.
    await connection.flush();
    await connection.request(subject, "", { timeout: ANSWER_TIMEOUT_MS });
  } catch (error) {
    const place = describeAddresses(access.urls);
    const refusal = refusals[0] ?? describeRefusal(error) ?? describeRefusal((error as Error).cause);
    if (refusal === undefined)
      throw new BusError(
        "silent",
        `${place} lets this user in, and ends without an answer: ${String(error)}`,
      );
    throw new BusError(
      "rights",
      `${place} lets this user in, who must be allowed to publish and subscribe duologue.>, and is not: ${refusal}`,
    );
  } finally {
    await connection.close();
  }
}

async function noteRefusals(connection: NatsConnection, refusals: string[]): Promise<void> {
  for await (const status of connection.status()) {
    const refusal = status.type === "error" ? describeRefusal(status.error) : undefined;
    if (refusal !== undefined) refusals.push(refusal);
  }
}

/** Undefined: it is another error. The subject's last words name somebody, and are left out. */
export function describeRefusal(error: unknown): string | undefined {
  if (!(error instanceof errors.PermissionViolationError)) return undefined;
  const { operation, subject } = error;
  const words = subject.split(".").slice(0, 3).join(".");
  return `${operation === "publish" ? "publishing to" : "subscribing"} ${words}… is refused`;
}
