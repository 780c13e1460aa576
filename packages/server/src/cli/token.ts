/** `duologue token`: a token of host login for trying out, as the embedding site would sign it. */
import type { Config } from "../config/index.ts";
import { type Console, type ExitCode, exitCodes, printProblems } from "./console.ts";

export interface TokenWishes {
  readonly sub?: string | undefined;
  readonly name?: string | undefined;
  /** A whole number and s, m or h. */
  readonly expires: string;
  /** `SUB=NAME` each. */
  readonly peer: readonly string[];
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const DAY_MS = 24 * 3_600_000;

/** Prints the token and nothing else, so that it can be put into a variable of the shell. */
export async function runToken(config: Config, wishes: TokenWishes, console: Console): Promise<ExitCode> {
  const { sub, name } = wishes;
  const lastsMs = parseDuration(wishes.expires);
  const problems: string[] = [];
  if (!sub) problems.push("--sub: expected whom the token is for, such as u1, got nothing");
  if (!name) problems.push("--name: expected the name that others see, got nothing");
  if (lastsMs === undefined) problems.push("--expires: expected a duration up to 24h, such as 30m or 1h");
  const peers = wishes.peer.map(parsePeer);
  if (peers.includes(undefined)) problems.push("--peer: expected SUB=NAME, such as seller-7=Sam");
  if (!sub || !name || lastsMs === undefined || problems.length > 0) return printProblems(console, problems);
  const { HostLoginError, makeTrialToken } = await import("../app/host-login.ts");
  try {
    console.out(
      `${await makeTrialToken(config, { sub, name, lastsMs, peers: peers.filter((peer) => peer !== undefined) })}\n`,
    );
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof HostLoginError)) throw error;
    console.error(`duologue: ${error.message}\n`);
    return exitCodes.failed;
  }
}

function parsePeer(text: string): { readonly sub: string; readonly name: string } | undefined {
  const [, sub, name] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  return sub === undefined || name === undefined ? undefined : { sub, name };
}

function parseDuration(text: string): number | undefined {
  const [, count, unit = ""] = /^([1-9]\d{0,5})([smh])$/.exec(text) ?? [];
  const durationMs = Number(count) * (unitMs[unit] ?? Number.NaN);
  return durationMs <= DAY_MS ? durationMs : undefined;
}
