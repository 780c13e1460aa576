/** What an error of the database says, and what may follow (PostgreSQL, Appendix A: error codes). */

/**
 * lost     there is no connection any more, or none that may write: whether what was sent is done, nobody knows.
 * again    the server undid it for the sake of another transaction: the same may go well at once.
 * locked   somebody holds a row for too long.
 * known    a message's id is stored already.
 * request  it comes from what a request holds.
 * full     no room: nothing was written, and the next one may go well.
 * slow     a statement took too long, and was undone.
 * failed   anything else: a defect, or tables that are not as they should be.
 */
export type PostgresTrouble = "lost" | "again" | "locked" | "known" | "request" | "full" | "slow" | "failed";

/** No answer in time: the connection was given up. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/** The database holds other data than at the start, or cannot be written as it must be. */
export class WrongDatabaseError extends Error {
  override readonly name = "WrongDatabaseError";
}

const CODES: readonly (readonly [string, PostgresTrouble])[] = [
  ["08", "lost"],
  // The server ends, begins, or ends this connection.
  ["57P0", "lost"],
  // The transaction stood idle for too long, and the server ended the connection.
  ["25P03", "lost"],
  // A server that only repeats another one takes no writes; the address may lead to a better one next time.
  ["25006", "lost"],
  ["40001", "again"],
  ["40P01", "again"],
  ["55P03", "locked"],
  ["23505", "known"],
  ["22", "request"],
  ["23", "request"],
  ["57014", "slow"],
  // Too many connections.
  ["53300", "lost"],
  ["53", "full"],
  // Of an earlier statement's failure, which was not looked at yet.
  ["25P02", "request"],
];

/** The transaction had failed before. */
export function isConsequence(error: unknown): boolean {
  return error instanceof Bun.SQL.PostgresError && error.errno === "25P02";
}

export function judgeTrouble(error: unknown): PostgresTrouble {
  if (error instanceof NoAnswerError || error instanceof WrongDatabaseError) return "lost";
  if (!(error instanceof Bun.SQL.PostgresError)) return "request";
  const { errno } = error;
  // The client's own errors are all of the connection.
  if (errno === undefined) return "lost";
  return CODES.find(([code]) => errno.startsWith(code))?.[1] ?? "failed";
}

/** In a line for people. What the client and the server say holds no password. */
export function describeTrouble(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message.split("\n")[0] ?? "";
  return error instanceof Bun.SQL.PostgresError && error.errno !== undefined
    ? `${text} (${error.errno})`
    : text;
}
