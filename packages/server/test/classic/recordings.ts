/** What the tutorial's own server sent, and where this server answers otherwise on purpose. */
import recorded from "./transcripts.json";

export type Step =
  | { readonly client: string; readonly action: "open" | "close" }
  | { readonly client: string; readonly action: "send"; readonly text: string };

/** `$a` in a frame stands for the address of client a. */
export interface ExpectedFrame {
  readonly client: string;
  readonly text: string;
}

export interface RecordedCase {
  readonly name: string;
  readonly steps: readonly { readonly step: Step; readonly frames: readonly ExpectedFrame[] }[];
}

/**
 * The differences that change what these recordings say; the list of them all is in SPEC.md's rules CL3–CL7.
 * `drop` takes a recorded frame away, `add` puts one at the end of its case.
 */
const differences: Readonly<Record<string, { drop?: ExpectedFrame; add?: ExpectedFrame }>> = {
  chat_before_login: {
    drop: { client: "b", text: "msg:sneaky" },
    add: { client: "a", text: "notice:failed:login" },
  },
  chat_unknown: { add: { client: "a", text: "notice:failed:offline" } },
  msg_nihao: { add: { client: "a", text: "msg:nihao alice" } },
};

function readStep([client = "", action = "", text = ""]: readonly string[]): Step {
  if (action === "open" || action === "close") return { client, action };
  if (action === "send")
    return { client, action, text: text.replace(/@@(\d+)/, (_, count) => "y".repeat(count)) };
  throw new Error(`a step of an unknown kind: ${action}`);
}

/** A long frame was recorded as its beginning and its length. */
function readFrame([client = "", text = ""]: readonly string[]): ExpectedFrame {
  const cut = /^(.*)\u2026\((\d+)\)$/s.exec(text);
  if (cut === null) return { client, text };
  const [, start = "", length] = cut;
  return { client, text: start.padEnd(Number(length), start.at(-1)) };
}

/**
 * The recording is one list in the order of arrival. A login that is accepted brings its two frames, and a list for everybody
 * logged in, the newcomer included; a message one frame; a close the lists of the others and its own end.
 */
function takeFramesOf(step: Step, frames: ExpectedFrame[], loggedIn: Set<string>): ExpectedFrame[] {
  switch (step.action) {
    case "open":
      return [];
    case "close":
      loggedIn.delete(step.client);
      return frames.splice(0, loggedIn.size + 1);
    case "send":
      if (!/^login:/i.test(step.text)) {
        return frames.splice(0, /^(msg:|notice:failed:)/.test(frames[0]?.text ?? "") ? 1 : 0);
      }
      if (frames[0]?.text !== "notice:success") return [];
      loggedIn.add(step.client);
      return frames.splice(0, 2 + loggedIn.size);
    default:
      return step satisfies never;
  }
}

function readCase({
  name,
  steps,
  frames,
}: {
  name: string;
  steps: string[][];
  frames: string[][];
}): RecordedCase {
  const { drop, add } = differences[name] ?? {};
  const expected = frames
    .map(readFrame)
    .filter(({ client, text }) => client !== drop?.client || text !== drop.text)
    .concat(add ?? []);
  const loggedIn = new Set<string>();
  const withFrames = steps
    .map(readStep)
    .map((step) => ({ step, frames: takeFramesOf(step, expected, loggedIn) }));
  if (expected.length > 0)
    throw new Error(`${name}: frames that belong to no step: ${JSON.stringify(expected)}`);
  return { name, steps: withFrames };
}

export const recordedCases: readonly RecordedCase[] = recorded.map(readCase);
