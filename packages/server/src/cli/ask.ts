/** status, reload and stop: commands that ask the server which runs on a data directory. */
import type { ControlReply, ControlRequest } from "../link/control-types.ts";
import { NoServerError } from "../link/no-server-error.ts";
import { type Console, type ExitCode, exitCodes } from "./console.ts";
import { formatStatus } from "./status.ts";

/** Yields answers until the server has no more; throws NoServerError when none runs there. */
export type Ask = (dataDirectory: string, request: ControlRequest) => AsyncIterable<ControlReply>;

export interface AskOptions {
  readonly request: ControlRequest;
  /** Absolute. */
  readonly dataDirectory: string;
  /** status: for programs. */
  readonly asJson: boolean;
}

export async function runAsk(ask: Ask, console: Console, options: AskOptions): Promise<ExitCode> {
  const { request, dataDirectory } = options;
  try {
    let exitCode: ExitCode = exitCodes.done;
    for await (const reply of ask(dataDirectory, request)) {
      if (reply.type === "refused") exitCode = exitCodes.failed;
      print(reply, console, options);
    }
    // A server that stops answers by ending: the end of the answers is the end of the server.
    if (request.type === "stop" && exitCode === exitCodes.done) console.out("Stopped.\n");
    return exitCode;
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    console.error(
      `duologue: no server is running on ${dataDirectory}. Start it with \`duologue serve\`, or name its data directory with --data.\n`,
    );
    return exitCodes.failed;
  }
}

function print(reply: ControlReply, console: Console, options: AskOptions): void {
  switch (reply.type) {
    case "status":
      console.out(options.asJson ? `${JSON.stringify(reply, undefined, 2)}\n` : formatStatus(reply));
      break;
    case "progress":
      console.out(`${reply.text}\n`);
      break;
    case "done":
      console.out("Done.\n");
      break;
    case "refused":
      console.error(`duologue: ${reply.reason}\n`);
      break;
    default:
      reply satisfies never;
  }
}
