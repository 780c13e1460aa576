/** Who speaks in the pictures, and what they say, in both languages. */

export interface Cast {
  readonly locale: string;
  /** Whose page is seen, and whom they talk to. */
  readonly me: string;
  readonly peer: string;
  /** Has written and was not read yet; has a draft waiting and is away; is only online. */
  readonly writer: string;
  readonly absent: string;
  readonly stranger: string;
  /** In turn; `peer` begins, and the last one is mine. */
  readonly talk: readonly string[];
  readonly unread: readonly string[];
  readonly reply: string;
  readonly draft: string;
  readonly farewell: string;
  readonly shop: { readonly name: string; readonly goods: readonly string[]; readonly price: string };
  readonly question: string;
  readonly answer: string;
}

const english: Cast = {
  locale: "en-GB",
  me: "Alice",
  peer: "Bruno",
  writer: "Carmen Díaz",
  absent: "Dmitri",
  stranger: "Emeka",
  talk: [
    "Good morning! Did the parcel arrive?",
    "It did, this morning. Thank you!",
    "Good. The blue one is for your sister.",
    "She will love it.\nWhen are you coming over?",
    "Friday evening, if the train runs: https://example.org/trains",
    "🎉",
    "Set the alarm with `wake 7:30`, as always.",
    "See you then!",
  ],
  unread: ["Are you there?", "I have found the book you were looking for"],
  reply: "The green one",
  draft: "About next week: could we",
  farewell: "Good night!",
  shop: {
    name: "The Tea Room",
    goods: ["Assam", "Darjeeling", "Sencha", "Lapsang Souchong"],
    price: "€ 7.50",
  },
  question: "Hello! Is the Sencha this year's harvest?",
  answer: "Yes, it came in May. Shall I put a packet aside for you?",
};

const chinese: Cast = {
  locale: "zh-CN",
  me: "李雷",
  peer: "韩梅梅",
  writer: "王小明",
  absent: "陈静",
  stranger: "Emeka",
  talk: [
    "早上好！包裹到了吗？",
    "今天早上到了，谢谢！",
    "蓝色的是给你姐姐的。",
    "她一定会喜欢。\n你什么时候过来？",
    "周五晚上，如果火车不晚点的话：https://example.org/trains",
    "🎉",
    "老规矩，用 `wake 7:30` 定闹钟。",
    "到时候见！",
  ],
  unread: ["在吗？", "你要找的那本书我找到了"],
  reply: "绿色的那个",
  draft: "关于下周的安排，我们",
  farewell: "晚安！",
  shop: { name: "清茶小铺", goods: ["阿萨姆红茶", "大吉岭", "煎茶", "正山小种"], price: "¥ 58" },
  question: "您好！煎茶是今年的新茶吗？",
  answer: "是的，五月刚到。要给您留一包吗？",
};

export const casts = { en: english, zh: chinese } as const;
export type Language = keyof typeof casts;
