/** The doctor's look at how many files may be open: each connection of a worker takes one (Linux: proc(5)). */
import { readdirSync, readFileSync } from "node:fs";
import { type Finding, fine, worth } from "./findings.ts";

/** Open files of a worker that are no connections: SQLite's, the link's, the runtime's own. */
const OWN_FILES = 64;
/** Fewer than this are worth a word where nobody has said that fewer are enough. */
const GOOD_CONNECTIONS = 4_096;
/** Of what may be open, what is open on a usual day. */
const GOOD_SHARE = 0.5;

/** `pids`: of the running server, whose limits count; without one, this process has those that a server would have. */
export function* examineFiles(pids: readonly number[], connectionsPerWorker: number): Generator<Finding> {
  const useful = Math.min(connectionsPerWorker, GOOD_CONNECTIONS);
  const known = (pids.length === 0 ? ["self"] : pids).flatMap((pid) => lookAt(pid) ?? []);
  const [least] = known.toSorted((one, other) => one.allowed - other.allowed);
  if (least === undefined) {
    yield fine("files: how many may be open cannot be seen here");
    return;
  }
  const whose = pids.length === 0 ? "a server started from here" : "a process of the server";
  const text = `files: ${whose} may have ${least.allowed} open, enough for ${Math.max(0, least.allowed - OWN_FILES)} connections of one worker`;
  const advice = "Raise it where the server is started (ulimit -n, LimitNOFILE=).";
  yield least.allowed - OWN_FILES >= useful ? fine(text) : worth(text, advice);
  if (pids.length === 0) return;
  for (const { pid, allowed, open } of known)
    if (open > allowed * GOOD_SHARE) yield worth(`files: pid ${pid} has ${open} of ${allowed} open`, advice);
}

interface Files {
  readonly pid: number | string;
  readonly allowed: number;
  readonly open: number;
}

/** Undefined for a process that is gone, another user's, or on a system that does not say. */
function lookAt(pid: number | string): Files | undefined {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, "utf8");
    const [, soft = ""] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
    const allowed = soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
    return { pid, allowed, open: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}
