/** Nobody runs on that data directory. In a file of its own: the command line knows it without loading what asks. */
export class NoServerError extends Error {
  override readonly name = "NoServerError";
  constructor(readonly dataDirectory: string) {
    super(`No server is running on ${dataDirectory}`);
  }
}
