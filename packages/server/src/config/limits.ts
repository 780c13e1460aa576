/** The operator's changes to the table of limits: which values make sense, and which go together. */
import { defaultLimits, type LimitName, type Limits, limitTable } from "@duologue/protocol";
import { type Entry, expected, parseInteger, type Report } from "./option.ts";
import { suggestion } from "./suggest.ts";

/** Timers take no more (setTimeout's delay is a signed 32-bit number). */
const MAX_VALUE = 2_147_483_647;

/** Where the wire format or the runtime sets narrower bounds than "a positive number". */
const ranges: Partial<Readonly<Record<LimitName, readonly [min: number, max: number]>>> = {
  // The smallest still holds every frame that a client must be able to send.
  frameBytes: [1024, 16_777_216],
  helloBytes: [256, 16_777_216],
  // The schema of a text body takes 65,536 UTF-16 units; a character may be two.
  textCharacters: [1, 32_768],
  nicknameMinCharacters: [1, 64],
  nicknameMaxCharacters: [1, 64],
  // Arrays of the frames that carry them hold at most 1000, or 100,000 users.
  lobbyUsers: [1, 100_000],
  searchResults: [1, 1000],
  pageConversations: [1, 1000],
  pageEvents: [1, 1000],
  // What the runtime's WebSocket server takes as idleTimeout.
  idleSeconds: [8, 960],
};

/** `[a, b]`: a must not be above b. */
const orders: readonly (readonly [LimitName, LimitName])[] = [
  ["nicknameMinCharacters", "nicknameMaxCharacters"],
  ["helloBytes", "frameBytes"],
  ["frameBytes", "outboxBytes"],
];

const limitNames = Object.keys(limitTable) as LimitName[];

/** Entries are `name=value`; a later one wins over an earlier one of the same name. */
export function readLimits(entries: readonly Entry[], report: Report): Limits | undefined {
  const limits = { ...defaultLimits };
  const sources = new Map<LimitName, Entry>();
  let isSound = true;
  for (const entry of entries) {
    const parsed = parseLimit(entry);
    if ("problem" in parsed) {
      isSound = false;
      report(parsed.problem);
    } else {
      limits[parsed.name] = parsed.value;
      sources.set(parsed.name, entry);
    }
  }
  for (const [low, high] of orders) {
    const source = sources.get(low) ?? sources.get(high);
    if (source === undefined || limits[low] <= limits[high]) continue;
    isSound = false;
    report(`${source.place}: expected ${low} (${limits[low]}) to be at most ${high} (${limits[high]})`);
  }
  return isSound ? Object.freeze(limits) : undefined;
}

type ParsedLimit = { readonly name: LimitName; readonly value: number } | { readonly problem: string };

function parseLimit(entry: Entry): ParsedLimit {
  const [, word = "", digits] = /^([^=]*)=(.*)$/s.exec(entry.text) ?? [];
  const name = limitNames.find((known) => known === word);
  if (digits === undefined) return { problem: expected(entry, "name=value, e.g. textCharacters=2000") };
  if (name === undefined)
    return { problem: expected(entry, "the name of a limit", suggestion(word, limitNames)) };
  if (limitTable[name].isFixed === true) {
    const { value, unit } = limitTable[name];
    return { problem: expected(entry, `a limit that can be changed; ${name} is fixed at ${value} ${unit}`) };
  }
  const [min, max] = ranges[name] ?? [1, MAX_VALUE];
  const value = parseInteger(digits, min, max);
  if (value !== undefined) return { name, value };
  return {
    problem: expected(entry, `a whole number from ${min} to ${max} for ${name} (${limitTable[name].unit})`),
  };
}
