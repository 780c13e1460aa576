import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ClassicFrame, classic, decodeClassic } from "./classic.ts";
import { closeTable, isReconnectClose } from "./errors.ts";

const IGNORED: ClassicFrame = { type: "ignored" };

function login(name: string): ClassicFrame {
  return { type: "login", name };
}

function chat(address: string, text: string): ClassicFrame {
  return { type: "chat", address, text };
}

const logins: readonly (readonly [string, string, ClassicFrame])[] = [
  ["a name", "login:alice", login("alice")],
  ["3 characters are enough", "login:bob", login("bob")],
  ["2 characters are no login", "login:bo", IGNORED],
  ["no name is no login", "login:", IGNORED],
  ["20 characters are a name", `login:${"x".repeat(20)}`, login("x".repeat(20))],
  ["of 23 characters the first 20 are the name", `login:${"x".repeat(20)}abc`, login("x".repeat(20))],
  ["what follows the name is ignored", "login:alice smith", login("alice")],
  ["a line break ends the name", "login:alice\nbob", login("alice")],
  ["a hyphen ends the name", "login:anna-lena", login("anna")],
  ["a letter outside ASCII ends the name", "login:renée", login("ren")],
  ["too few characters before a letter outside ASCII are no login", "login:zoé", IGNORED],
  ["a Cyrillic name is no login", "login:анна", IGNORED],
  ["the Kelvin sign is no letter k", "login:\u212aarl", IGNORED],
  ["digits and low lines count", "login:_7_", login("_7_")],
  ["letters keep their case", "login:AlIcE", login("AlIcE")],
  ["the keyword in capitals", "LOGIN:alice", login("alice")],
  ["the keyword in mixed case", "LoGiN:alice", login("alice")],
  ["a space before the name is no login", "login: alice", IGNORED],
  ["a space before the keyword is no login", " login:alice", IGNORED],
  ["a line break before the keyword is no login", "\nlogin:alice", IGNORED],
  ["the keyword in the middle is no login", "x login:alice", IGNORED],
  ["no colon is no login", "login alice", IGNORED],
];

const chats: readonly (readonly [string, string, ClassicFrame])[] = [
  ["address and text", "chat:<127.0.0.1:50001>:hello", chat("127.0.0.1:50001", "hello")],
  ["an IPv6 address", "chat:<[::1]:50001>:hello", chat("[::1]:50001", "hello")],
  ["the text begins after the first >:", "chat:<1.2.3.4:5>:a>:b>:c", chat("1.2.3.4:5", "a>:b>:c")],
  ["a text that is >: alone", "chat:<1.2.3.4:5>:>:", chat("1.2.3.4:5", ">:")],
  ["an empty text", "chat:<1.2.3.4:5>:", chat("1.2.3.4:5", "")],
  ["line breaks are text", "chat:<1.2.3.4:5>:a\nb\r\n\nc\n", chat("1.2.3.4:5", "a\nb\r\n\nc\n")],
  ["spaces around the text are text", "chat:<1.2.3.4:5>:  a  ", chat("1.2.3.4:5", "  a  ")],
  ["markup is text", "chat:<1.2.3.4:5>:<b>hi</b>", chat("1.2.3.4:5", "<b>hi</b>")],
  [
    "any characters are text",
    "chat:<1.2.3.4:5>:你好 😀\u0000\ud800",
    chat("1.2.3.4:5", "你好 😀\u0000\ud800"),
  ],
  [
    "a text that looks like a frame",
    "chat:<1.2.3.4:5>:chat:<6.7.8.9:1>:x",
    chat("1.2.3.4:5", "chat:<6.7.8.9:1>:x"),
  ],
  ["the keyword in capitals", "CHAT:<1.2.3.4:5>:hello", chat("1.2.3.4:5", "hello")],
  ["the keyword in mixed case", "cHaT:<1.2.3.4:5>:Hello", chat("1.2.3.4:5", "Hello")],
  ["an address that nobody can have", "chat:<nobody>:hello", chat("nobody", "hello")],
  ["no address", "chat:<>:hello", chat("", "hello")],
  ["a > in the address", "chat:<a>b>:c", chat("a>b", "c")],
];

const words: readonly (readonly [string, string, ClassicFrame])[] = [
  ["the word that is answered", "msg:nihao", { type: "word", text: "nihao" }],
  ["another word", "msg:hello", { type: "word", text: "hello" }],
  ["no word", "msg:", { type: "word", text: "" }],
  ["the keyword in capitals", "MSG:nihao", { type: "word", text: "nihao" }],
  ["a longer word is another word", "msg:nihao ", { type: "word", text: "nihao " }],
];

const ignored: readonly string[] = [
  "",
  " ",
  "\n",
  "hello",
  "chat",
  "chat:",
  "chat:hello",
  "chat:<1.2.3.4:5>hello",
  "chat:<1.2.3.4:5",
  "chat:1.2.3.4:5>:hello",
  "chat: <1.2.3.4:5>:hello",
  " chat:<1.2.3.4:5>:hello",
  "\tchat:<1.2.3.4:5>:hello",
  "xchat:<1.2.3.4:5>:hello",
  "chatx<1.2.3.4:5>:hello",
  " msg:nihao",
  "msg nihao",
  "ms",
  "users:{}",
  "notice:success",
  "ping",
  '{"type":"hello","version":1,"nickname":"alice"}',
  "\u0000login:alice",
  "\ufefflogin:alice",
  "\u017fogin:alice",
  "\u216cogin:alice",
];

describe("classic frames", () => {
  for (const [what, text, frame] of logins)
    test(`[CL1] ${what}`, () => expect(decodeClassic(text)).toEqual(frame));
  for (const [what, text, frame] of chats)
    test(`[CL4] ${what}`, () => expect(decodeClassic(text)).toEqual(frame));
  for (const [what, text, frame] of words)
    test(`[CL5] ${what}`, () => expect(decodeClassic(text)).toEqual(frame));
  for (const text of ignored) {
    test(`[CL8] ${JSON.stringify(text)} is ignored`, () => expect(decodeClassic(text)).toEqual(IGNORED));
  }

  test("[CL8] any text is read as one of the four, and never throws", () => {
    const start = fc.constantFrom(
      "",
      "login:",
      "LOGIN:",
      "chat:<",
      "Chat:<1.2.3.4:5>:",
      "msg:",
      "c",
      "l",
      "m",
    );
    fc.assert(
      fc.property(start, fc.string({ unit: "binary", maxLength: 50 }), (keyword, rest) => {
        expect(["login", "chat", "word", "ignored"]).toContain(decodeClassic(keyword + rest).type);
      }),
    );
  });

  test("[CL4] whatever the text is, it arrives whole", () => {
    const anyText = fc.string({
      unit: fc.oneof(fc.constantFrom(">", ":", "<", "\n"), fc.string({ unit: "binary", maxLength: 1 })),
    });
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }), anyText, (ip, port, text) => {
        expect(decodeClassic(`chat:<${ip}:${port}>:${text}`)).toEqual(chat(`${ip}:${port}`, text));
      }),
    );
  });

  test("[CL1] whatever a login's name is, it is 3 to 20 word characters, and a prefix of what was sent", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "Z", "0", "_", "-", " ", "é"), maxLength: 30 }),
        (name) => {
          const frame = decodeClassic(`login:${name}`);
          if (frame.type === "login") {
            expect(frame.name).toMatch(/^[A-Za-z0-9_]{3,20}$/);
            expect(name.startsWith(frame.name)).toBe(true);
          } else expect(name).not.toMatch(/^[A-Za-z0-9_]{3}/);
        },
      ),
    );
  });
});

describe("classic answers", () => {
  test("[CL1] a login is answered with three frames of this form", () => {
    expect(classic.success).toBe("notice:success");
    expect(classic.welcome("alice")).toBe("msg:welcome alice");
    const users = classic.users([
      ["127.0.0.1:50002", "bob"],
      ["127.0.0.1:50001", "alice"],
    ]);
    expect(users).toBe('users:{"127.0.0.1:50002":"bob","127.0.0.1:50001":"alice"}');
    expect(classic.users([])).toBe("users:{}");
  });

  test("[CL3] the list is JSON whatever the names hold, in the order given", () => {
    const entries = fc.uniqueArray(
      fc.tuple(fc.string({ unit: "binary", minLength: 1 }), fc.string({ unit: "binary" })),
      {
        selector: ([address]) => address,
      },
    );
    fc.assert(
      fc.property(entries, (users) => {
        const list: unknown = JSON.parse(classic.users(users).slice("users:".length));
        expect(new Map(Object.entries(list as Record<string, string>))).toEqual(new Map(users));
      }),
    );
    const numbered = classic.users([
      ["9", "first"],
      ["1", "second"],
    ]);
    expect(numbered).toBe('users:{"9":"first","1":"second"}');
  });

  test("[CL5] nihao is answered with the name", () =>
    expect(classic.answer("alice")).toBe("msg:nihao alice"));

  test("[CL4] a message is its text after msg:", () => expect(classic.message("a>:b\n")).toBe("msg:a>:b\n"));

  test("[CL6] refusals are notices, which the tutorial's page ignores", () => {
    expect(classic.failed("login")).toBe("notice:failed:login");
    expect(classic.failed("offline")).toBe("notice:failed:offline");
  });
});

describe("close codes", () => {
  test("[CN6] 4000 to 4499 mean: come back", () => {
    for (const code of [4000, 4001, 4250, 4499]) expect(isReconnectClose(code)).toBe(true);
  });

  test("[CN6] 4500 to 4999 mean: do not come back with the same hello", () => {
    for (const code of [4500, 4501, 4750, 4999]) expect(isReconnectClose(code)).toBe(false);
  });

  test("[CN6] the standard's codes for trouble on the way mean: come back", () => {
    for (const code of [1001, 1006, 1011, 1012, 1013]) expect(isReconnectClose(code)).toBe(true);
  });

  test("[CN6] the standard's codes for what can never be taken mean: do not come back", () => {
    for (const code of [1002, 1003, 1007, 1009, 1010]) expect(isReconnectClose(code)).toBe(false);
  });

  test("[CN6] each close code of the table stands in a range that agrees with its meaning", () => {
    const reconnects = Object.entries(closeTable).filter(([, { code }]) => isReconnectClose(code));
    const names = reconnects.map(([name]) => name).sort();
    expect(names).toEqual([
      "idle",
      "login_late",
      "lost_bus",
      "server_stopping",
      "slow_consumer",
      "too_fast",
      "unavailable",
    ]);
    const codes = Object.values(closeTable).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });
});
