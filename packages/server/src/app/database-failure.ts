/** Why a database cannot be used, and what to do: one text for the start, for copying into it, and for the doctor. */
import { lookup } from "node:dns/promises";
import type { Clock } from "../clock.ts";
import { describeTrouble, NoAnswerError, type PostgresAddress, WrongDatabaseError } from "../store/index.ts";

export interface DatabaseFailure {
  /** Without a full stop. */
  readonly problem: string;
  /** Whole sentences; empty where the problem says what to do. */
  readonly advice: string;
}

const LET_IN =
  "See that the user of --store exists and may log in, and that pg_hba.conf lets it in from this machine.";
const BELIEVE =
  "Name the certificate (PEM) that its own is signed with by --store-ca, and the host in --store as its certificate does.";
const BUSY = "See what keeps it busy or holds locks: pg_stat_activity.";

interface Kind {
  /** Of a code. */
  readonly beginning: string;
  readonly advice: string;
  /** In front of what the server says, where that alone is a riddle. */
  readonly problem?: string;
}

/** By the server's own codes (PostgreSQL, Appendix A), then by those of the client and of TLS. The first one counts. */
const KINDS: readonly Kind[] = [
  { beginning: "28P01", advice: "Correct the password in --store, or give the user that one." },
  { beginning: "28", advice: LET_IN },
  {
    beginning: "3D",
    advice: "Correct the database's name in --store, or make it: createdb --owner=USER NAME.",
  },
  {
    beginning: "42501",
    advice: "Make the user of --store the owner of the database, or of the schema duologue in it.",
  },
  {
    beginning: "42",
    problem: "the tables in its schema duologue are not Duologue's",
    advice: "If they are something else's, name another database; otherwise restore the last back-up.",
  },
  {
    beginning: "53300",
    advice:
      "Raise max_connections (docs/operation.md says to what), or end what holds them: pg_stat_activity.",
  },
  { beginning: "531", advice: "Its disk is full: make room." },
  { beginning: "53", advice: "See to the room and the memory of its machine." },
  { beginning: "57P03", advice: "It is starting or ending: wait, and see its log if that lasts." },
  { beginning: "57014", advice: BUSY },
  {
    beginning: "ERR_POSTGRES_TLS",
    advice: "Switch TLS on there (ssl = on), or ask for none: no --store-ca, no sslmode in --store.",
  },
  {
    beginning: "ERR_POSTGRES_SASL",
    advice: "It is not the server that knows this password: correct --store.",
  },
  { beginning: "ERR_TLS_CERT", advice: BELIEVE },
  {
    beginning: "ERR_BORINGSSL",
    advice: "The file of --store-ca is no certificate (PEM): name the right one.",
  },
  { beginning: "CERT_", advice: BELIEVE },
  { beginning: "DEPTH_ZERO", advice: BELIEVE },
  { beginning: "SELF_SIGNED", advice: BELIEVE },
  { beginning: "UNABLE_TO", advice: BELIEVE },
  { beginning: "ENOENT", advice: "Name a file that is there by --store-ca." },
  { beginning: "EACCES", advice: "Let the server's user read the file of --store-ca." },
];

/** `option`: by which the address was given. */
export async function explainFailure(
  error: unknown,
  { url }: PostgresAddress,
  clock: Pick<Clock, "after">,
  option = "--store",
): Promise<DatabaseFailure> {
  const failure = (isUnreached(error) ? await tryRoad(new URL(url), clock) : undefined) ?? judge(error);
  return { ...failure, advice: failure.advice.replaceAll(/--store(?!-)/g, option) };
}

export function judge(error: unknown): DatabaseFailure {
  const said = describeTrouble(error);
  // Its message says what must be otherwise, and for half a copy also how.
  if (error instanceof WrongDatabaseError) return { problem: said, advice: "" };
  if (error instanceof NoAnswerError) return { problem: said, advice: BUSY };
  const code = codeOf(error);
  const kind = KINDS.find(({ beginning }) => code.startsWith(beginning));
  return {
    problem: kind?.problem === undefined ? said : `${kind.problem} (${said})`,
    advice: kind?.advice ?? "See its log, and correct --store.",
  };
}

function codeOf(error: unknown): string {
  const { errno, code } = (error ?? {}) as { readonly errno?: unknown; readonly code?: unknown };
  return String(typeof errno === "string" ? errno : code);
}

function isUnreached(error: unknown): boolean {
  return codeOf(error).startsWith("ERR_POSTGRES_CONNECTION");
}

const ROAD_MS = 2_000;
const STANDARD_PORT = 5_432;

/** The client says the same of different things: so it is tried again how far one comes. */
async function tryRoad(url: URL, clock: Pick<Clock, "after">): Promise<DatabaseFailure> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || STANDARD_PORT;
  const place = `${url.hostname}:${port}`;
  const unknown = await lookup(host).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
  if (unknown !== undefined)
    return {
      problem: `the name ${host} is not known (${unknown})`,
      advice: "Correct the host in --store, or see to this machine's name service (DNS).",
    };
  switch (await knock(host, port, clock)) {
    case "refused":
      return {
        problem: `nobody listens at ${place}`,
        advice: "See that it runs and listens there for this machine, or correct --store.",
      };
    case "unreachable":
      return {
        problem: `${place} cannot be reached`,
        advice: "See that a firewall or a network is not in the way, or correct --store.",
      };
    case "silent":
      return {
        problem: `what listens at ${place} does not answer`,
        advice: "Somebody listens there and says nothing: see what it is, and whether a firewall is between.",
      };
    case "closed":
      return {
        problem: `what listens at ${place} ends the connection, and may not be PostgreSQL`,
        advice:
          "See its log, if it is PostgreSQL that ends the connection; if it is something else, correct --store.",
      };
  }
}

/** What PostgreSQL answers with a letter: whether it speaks TLS (55.2.10, SSL Session Encryption). */
const GREETING = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

async function knock(
  hostname: string,
  port: number,
  clock: Pick<Clock, "after">,
): Promise<"refused" | "unreachable" | "silent" | "closed"> {
  const outcome = Promise.withResolvers<"refused" | "unreachable" | "silent" | "closed">();
  let isOpen = false;
  const timer = clock.after(ROAD_MS, () => outcome.resolve(isOpen ? "silent" : "unreachable"));
  const connecting = Bun.connect({
    hostname,
    port,
    socket: {
      open: (socket) => {
        isOpen = true;
        socket.write(GREETING);
      },
      data: () => outcome.resolve("closed"),
      close: () => outcome.resolve("closed"),
      error: () => outcome.resolve("closed"),
      connectError: (_, error) =>
        outcome.resolve("code" in error && error.code === "ECONNREFUSED" ? "refused" : "unreachable"),
    },
  }).catch(() => undefined);
  try {
    return await outcome.promise;
  } finally {
    timer.cancel();
    void connecting.then((socket) => socket?.terminate());
  }
}
