/** Payloads that nobody expects: valid frames, bent in every way that JSON, Unicode and the schemas leave room for. */
import { SeededRandom } from "@duologue/testing";

export interface FuzzTargets {
  readonly conversation: string;
  readonly peer: string;
}

/** What may stand in place of any value. */
const VALUES: readonly string[] = [
  ...["null", "true", "false", "0", "-0", "-1", "1.5", "1e400", "-1e400", "1e-400", "9007199254740993"],
  ...["1".repeat(400), "0.1".padEnd(300, "1"), '""', '" "', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"'],
  ...[
    '"\\ufeff"',
    '"\\u202e\\u2066"',
    '"\\u0000\\u001b[2J"',
    '"__proto__"',
    '"constructor"',
    '"%00"',
    '"../.."',
  ],
  ...['"🦀"', '"\u0301\u0301\u0301\u0301"', '"ﷺ"', "[]", "{}", "[[]]", "[null]", '{"":""}', '{"length":-1}'],
  ...['{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"$ne":1}'],
  ...[
    '{"toString":1,"valueOf":1}',
    '{"then":1}',
    '{"toJSON":1}',
    "NaN",
    "Infinity",
    "undefined",
    "0x10",
    "'a'",
  ],
];

const KEYS: readonly string[] = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "length", ""],
  ...["type", "id", "ref", "from", "seq", "cursor", "token", "\\u0000", "\\ud800", "admin", "kind", "body"],
];

export class Fuzzer {
  readonly #random: SeededRandom;
  readonly #targets: FuzzTargets;
  #made = 0;

  constructor(seed: number, targets: FuzzTargets) {
    this.#random = new SeededRandom(seed);
    this.#targets = targets;
  }

  next(): string {
    this.#made += 1;
    const base = this.#base();
    switch (this.#random.below(10)) {
      case 0:
        return base;
      case 1:
        return this.#cut(base);
      case 2:
        return this.#noise(base);
      case 3:
        return this.#deep(base);
      case 4:
        return this.#large(base);
      default:
        return this.#bend(base);
    }
  }

  /** A frame as a client may send it, classic ones among them. `logout` ends the session, so it is rare. */
  #base(): string {
    const { conversation, peer } = this.#targets;
    const ref = this.#random.below(1e6);
    const id = this.#id();
    const body = { kind: "text", text: `fuzz ${this.#made}` };
    const frames: readonly object[] = [
      { type: "send", id, conversation, body },
      { type: "send", id, conversation, body, replyTo: 1 + this.#random.below(5) },
      { type: "edit", id, conversation, target: 1 + this.#random.below(50), body },
      { type: "retract", id, conversation, target: 1 + this.#random.below(50) },
      { type: "mark", conversation, delivered: this.#random.below(60), read: this.#random.below(60) },
      { type: "typing", conversation, active: true },
      { type: "open", ref, user: peer },
      { type: "open", ref, conversation },
      { type: "history", ref, conversation, before: this.#random.below(100) },
      { type: "conversations", ref, before: "x" },
      { type: "sync", ref, cursor: "AAAA.1" },
      { type: "search", ref, query: "fuzz" },
      { type: "rename", ref, nickname: `Fuzz ${this.#letters(8)}` },
      { type: "token", ref, token: "a.b.c" },
      { type: "ping", ref, cursor: "zzz" },
      { type: "hello", version: 1, nickname: "again" },
      ...(this.#random.below(500) === 0 ? [{ type: "logout", ref }] : []),
    ];
    return JSON.stringify(this.#random.pick(frames));
  }

  #bend(text: string): string {
    const fields = [...text.matchAll(/"[a-zA-Z]+":("[^"]*"|\d+|true|\{[^{}]*\})/g)];
    if (fields.length === 0) return text;
    const found = this.#random.pick(fields);
    const [whole = "", value = ""] = found;
    const key = whole.slice(0, whole.length - value.length);
    const at = found.index;
    const [before, after] = [text.slice(0, at), text.slice(at + whole.length)];
    switch (this.#random.below(4)) {
      case 0:
        return before + key + this.#random.pick(VALUES) + after;
      case 1:
        // The same key twice: which one counts must not matter to anybody.
        return `${before}${whole},${key}${this.#random.pick(VALUES)}${after}`;
      case 2:
        return `${before}"${this.#random.pick(KEYS)}":${this.#random.pick(VALUES)},${whole}${after}`;
      default:
        return `${before}"${this.#random.pick(KEYS)}":${value}${after}`;
    }
  }

  #cut(text: string): string {
    const at = this.#random.below(text.length);
    return this.#random.below(2) === 0 ? text.slice(0, at) : text.slice(at) + text.slice(0, at);
  }

  #noise(text: string): string {
    const characters = [...text];
    for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
      const at = this.#random.below(characters.length);
      characters[at] = String.fromCharCode(this.#random.below(0xd800));
    }
    return characters.join("");
  }

  #deep(text: string): string {
    const levels = this.#random.pick([1, 7, 8, 9, 100, 5000]);
    const [open, close] = this.#random.pick([
      ['{"a":', "}"],
      ["[", "]"],
      ['{"__proto__":', "}"],
    ] as const);
    return `${text.slice(0, -1)},"more":${open.repeat(levels)}1${close.repeat(levels)}}`;
  }

  #large(text: string): string {
    const size = this.#random.pick([100, 1000, 8000]);
    const filling = this.#random.pick(["x", "你", "🦀", "\\u0000", "\\ud800", " ", "\\n", "\u0301"]);
    return text.replace(/fuzz( \d+)?/, filling.repeat(size));
  }

  #id(): string {
    const hex = (digits: number): string =>
      Array.from({ length: digits }, () => this.#random.below(16).toString(16)).join("");
    return `${hex(8)}-${hex(4)}-7${hex(3)}-a${hex(3)}-${hex(12)}`;
  }

  #letters(count: number): string {
    return Array.from({ length: count }, () => this.#random.pick([..."abcdefghjkprstxyz"])).join("");
  }
}
