import { describe, expect, test } from "bun:test";
import { defaultLimits, normalizeNickname } from "@duologue/protocol";
import fc from "fast-check";
import { nameKeys, suggestions } from "./confusables.ts";

function lookAlike(first: string, second: string): boolean {
  const keys = new Set(nameKeys(first));
  return nameKeys(second).some((key) => keys.has(key));
}

const twins: readonly (readonly [string, string, string])[] = [
  ["the same name", "alice", "alice"],
  ["capitals", "ALICE", "alice"],
  ["a capital i for a small L", "alice", "aIice"],
  ["a small L for a capital i", "ALICE", "ALlCE"],
  ["a digit one for a small L", "alice", "a1ice"],
  ["a vertical bar for a small L", "alice", "a|ice"],
  ["a zero for a capital o", "BOB", "B0B"],
  ["a zero for a small o", "bob", "b0b"],
  ["r and n for m", "modern", "rnodern"],
  ["a Cyrillic a", "alice", "\u0430lice"],
  ["a Cyrillic capital a", "Alice", "\u0410lice"],
  ["a Greek capital alpha", "Alice", "\u0391lice"],
  ["a Greek small alpha", "alice", "\u03b1lice"],
  ["nothing but Cyrillic letters", "pacco", "\u0440\u0430\u0441\u0441\u043e"],
  ["capitals of three scripts", "BOB", "\u0412\u041e\u0392"],
  ["an Armenian o", "bob", "b\u0585b"],
  ["a Cherokee capital", "Alice", "\u13aalice"],
  ["full-width letters", "alice", "\uff41\uff4c\uff49\uff43\uff45"],
  ["full-width capitals", "alice", "\uff21\uff2c\uff29\uff23\uff25"],
  ["mathematical bold letters", "alice", "\u{1d41a}\u{1d425}\u{1d422}\u{1d41c}\u{1d41e}"],
  ["mathematical script letters", "alice", "\u{1d4b6}\u{1d4c1}\u{1d4be}\u{1d4b8}\u212f"],
  ["circled letters", "alice", "\u24d0\u24db\u24d8\u24d2\u24d4"],
  ["superscript letters", "bob2", "bob\u00b2"],
  ["a ligature", "office", "o\ufb03ce"],
  ["a long s", "susi", "\u017fusi"],
  ["a decomposed accent", "Zo\u00eb", "Zoe\u0308"],
  ["an accent that looks the same", "\u0113va", "\u0435\u0305va"],
  ["a sharp s", "Stra\u00dfe", "STRASSE"],
  ["final sigma", "\u039d\u03af\u03ba\u03bf\u03c2", "\u039d\u03af\u03ba\u03bf\u03c3"],
  ["spaces", "an na", "anna"],
  ["an underscore", "an_na", "Anna"],
  ["dots and hyphens", "a.n-n.a", "anna"],
  ["another script's hyphen", "an\u2010na", "anna"],
  ["another script's low line", "an\uff3fna", "anna"],
  ["a no-break space", "an\u00a0na", "anna"],
  ["an invisible character", "an\u200bna", "anna"],
  ["a variation selector", "\u2764\ufe0f fan", "\u2764 fan"],
  ["a Kangxi radical for the ideograph", "\u2f08\u5de5", "\u4eba\u5de5"],
  ["a Katakana letter for an ideograph", "\u30ed", "\u53e3"],
  ["half-width Katakana", "\uff7b\uff78\uff97", "\u30b5\u30af\u30e9"],
  ["conjoining and whole Hangul", "\u1112\u1161\u11ab", "\ud55c"],
  ["an Arabic presentation form", "\ufee3\ufea4\ufee4\ufeaa", "\u0645\u062d\u0645\u062f"],
  ["a Farsi yeh without dots for alef maksura", "\u0639\u0644\u0649", "\u0639\u0644\u06cc"],
];

/** Names that many people bear, or likely nicknames, side by side with their nearest neighbours. */
const different = `
  alice alicia alina elise bob rob bobby anna hanna hannah anne ann jose josé joan john jon jan jean ivan evan mia mila
  nina nino max marc mark marek mary maria mario marius peter petra pete paul paula lea leah leo leon emil emilia emma
  zoe zoë chloe müller muller möller moller strauß Łukasz Lukas Søren Soren Ægir Þór Örn Orn Çelik Celik Ñora Nora
  guest1 guest2 guest3 guest10 user_a user_b dev0 dev2 a.b a.c x1 x2 99 98
  王伟 王芳 李伟 李娜 张伟 张敏 刘洋 陈静 杨帆 赵磊 黄强 周杰 吴军 徐丽 孙涛 马超 朱军 胡明 郭靖 何平 林峰 罗兰 高峰 梁勇
  小明 小红 小月 小目 大山 太山 天山 未来 末来 土豆 日本 曰本 陳靜 劉洋
  さくら ゆき ゆい はると そうた ひなた サクラ ユキ ハルト 佐藤 鈴木 田中 由中 高橋
  محمد أحمد علي عمر حسن حسين فاطمة مريم خالد يوسف ابراهيم سارة نور زينب رضا مهدی امیر
  राम श्याम सीता गीता मोहन सोहन रवि कवि अमित सुमित नेहा स्नेहा प्रिया ऋषि
  김민준 이서준 박서연 최지우 정하은 강민서 조유진 윤서준 한지민 임수빈 김민지 김민수
  Иван Анна Мария Ольга Дмитрий Алексей Сергей Наталья Юлия Лена Гена Зоя Соня
  Νίκος Γιώργος Μαρία Ελένη Κώστας Άννα
  דוד משה שרה רחל יעקב יוסף
  สมชาย สมหญิง มานี มานะ வேல் கண்ணன் முருகன் রহিম করিম
  😀 😃 😄 😁 👍 👍🏽 👎 ❤ 💙 🐱 🐶 🦊 🇩🇪 🇫🇷 ♔ ♚ ★ ☆
`
  .trim()
  .split(/\s+/);

describe("keys of names", () => {
  for (const [what, first, second] of twins) {
    test(`[NK4] ${what}: ${JSON.stringify(first)} and ${JSON.stringify(second)} look alike`, () => {
      expect(lookAlike(first, second)).toBe(true);
    });
  }

  test("[NK4] different names of many scripts share no key", () => {
    const owners = new Map<string, string>();
    const collisions: string[] = [];
    for (const name of different) {
      for (const key of nameKeys(name)) {
        const owner = owners.get(key);
        if (owner !== undefined) collisions.push(`${owner} = ${name} (${key})`);
        owners.set(key, name);
      }
    }
    expect(collisions).toEqual([]);
  });

  test("names of nothing but separators keep their keys apart", () => {
    expect(lookAlike("--", "__")).toBe(false);
    expect(nameKeys("..")).not.toContain("");
  });

  test("every string has one to four keys, none of them empty unless the string shows nothing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 32 }), (name) => {
        const keys = nameKeys(name);
        expect(keys.length).toBeGreaterThan(0);
        expect(keys.length).toBeLessThanOrEqual(4);
        expect(new Set(keys).size).toBe(keys.length);
        const isInvisible = /^\p{Default_Ignorable_Code_Point}*$/u.test(name.normalize("NFKC"));
        if (!isInvisible) expect(keys).not.toContain("");
      }),
    );
  });

  test("a name and its capitals always look alike", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 2, maxLength: 32 }), (name) => {
        expect(lookAlike(name, name.toUpperCase())).toBe(true);
      }),
    );
  });
});

describe("suggested names", () => {
  const limits = { nicknameMaxCharacters: 32 };

  test("[NK4] the lowest numbers are offered first", () => {
    expect(suggestions("alice", limits).slice(0, 3)).toEqual(["alice 2", "alice 3", "alice 4"]);
  });

  test("[NK4] a long name is cut so that the suggestion has 32 characters", () => {
    expect(suggestions("x".repeat(32), limits)[0]).toBe(`${"x".repeat(30)} 2`);
    expect(suggestions(`${"x".repeat(29)} yz`, limits)[0]).toBe(`${"x".repeat(29)} 2`);
    expect(suggestions("名".repeat(32), limits)).toContain(`${"名".repeat(29)} 10`);
    expect(suggestions("abcdef", { nicknameMaxCharacters: 4 })[0]).toBe("ab 2");
  });

  test("a grapheme is never cut in two", () => {
    expect(suggestions(`${"x".repeat(29)}👍🏽z`, limits)[0]).toBe(`${"x".repeat(29)} 2`);
    expect(suggestions(`${"x".repeat(29)}e\u0323\u0301`, limits)[0]).toBe(`${"x".repeat(29)} 2`);
  });

  test("[NK4] suggestions for a good name are good names that do not look alike, and not like the name", () => {
    for (const name of different) {
      if (!normalizeNickname(name, defaultLimits).ok) continue;
      const seen = new Set(nameKeys(name));
      for (const suggestion of suggestions(name, limits)) {
        expect(normalizeNickname(suggestion, defaultLimits)).toEqual({ ok: true, name: suggestion });
        for (const key of new Set(nameKeys(suggestion))) {
          expect(seen).not.toContain(key);
          seen.add(key);
        }
      }
    }
  });
});
