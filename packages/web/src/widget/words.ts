/** The few words that stand on the host page; the frame has its own (embed/words.ts). */
export interface LauncherWords {
  readonly chat: string;
  readonly open: string;
  readonly close: string;
  readonly unread: (count: number) => string;
}

const english: LauncherWords = {
  chat: "Chat",
  open: "Open chat",
  close: "Close chat",
  unread: (count) => (count === 1 ? "1 unread message" : `${count} unread messages`),
};

const chinese: LauncherWords = {
  chat: "聊天",
  open: "打开聊天",
  close: "关闭聊天",
  unread: (count) => `${count} 条未读消息`,
};

/** By the language asked for, otherwise the page's, otherwise the browser's; English when it is neither of the two. */
export function chooseWords(language: string | undefined): LauncherWords {
  const wanted = language || document.documentElement.lang || navigator.language;
  return /^zh\b/i.test(wanted) ? chinese : english;
}
