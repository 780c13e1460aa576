/** What only the server's own page says: signing in, settings, the menu of a conversation, the invitation. */
import type { Catalogue } from "./catalogue.ts";
import type { Language, SendKey, Theme } from "./preferences.ts";
import type { Mark } from "./standings.ts";

interface OwnWords {
  readonly signInHint: string;
  readonly signedOut: string;
  readonly settings: string;
  readonly changeName: string;
  readonly saving: string;
  readonly nameSaved: string;
  readonly theme: string;
  readonly themes: Readonly<Record<Theme, string>>;
  readonly languageChoice: string;
  /** As their speakers call them, the same in every catalogue. */
  readonly languages: Readonly<Record<Language, string>>;
  readonly sendKey: string;
  readonly sendKeys: Readonly<Record<SendKey, string>>;
  readonly notifications: string;
  readonly notificationsBlocked: string;
  readonly sound: string;
  readonly logOut: string;
  readonly logOutQuestion: string;
  readonly logOutFailed: string;
  readonly nobodyOnline: string;
  readonly invite: string;
  /** Of the page, for somebody to write to. */
  readonly copyAddress: string;
  readonly addressCopied: string;
  readonly conversationMenu: string;
  /** What is ticked in that menu. */
  readonly standingChoices: Readonly<Record<Mark, string>>;
}

const english: OwnWords = {
  signInHint: "Choose a nickname and write to anyone who is here, one to one.",
  signedOut: "You are signed out.",
  settings: "Settings",
  changeName: "Change your name",
  saving: "Saving…",
  nameSaved: "Saved.",
  theme: "Appearance",
  themes: { system: "System", light: "Light", dark: "Dark" },
  languageChoice: "Language",
  languages: { system: "System", en: "English", zh: "中文" },
  sendKey: "Send with",
  sendKeys: { enter: "Enter", modifier: "Ctrl or ⌘ + Enter" },
  notifications: "Notifications on this device",
  notificationsBlocked: "The browser does not allow notifications for this page.",
  sound: "A sound for new messages",
  logOut: "Sign out",
  logOutQuestion: "Sign out? As a guest you cannot come back to these conversations.",
  logOutFailed: "Couldn't reach the server. You are still signed in.",
  nobodyOnline: "Nobody else is online",
  invite: "Send somebody the address of this page.",
  copyAddress: "Copy the address",
  addressCopied: "Address copied.",
  conversationMenu: "Conversation options",
  standingChoices: { muted: "Mute", pinned: "Pin to the top", archived: "Archive" },
};

const chinese: OwnWords = {
  signInHint: "取一个昵称，与在线的任何人一对一聊天。",
  signedOut: "您已退出登录。",
  settings: "设置",
  changeName: "修改昵称",
  saving: "正在保存…",
  nameSaved: "已保存。",
  theme: "外观",
  themes: { system: "跟随系统", light: "浅色", dark: "深色" },
  languageChoice: "语言",
  languages: { system: "跟随系统", en: "English", zh: "中文" },
  sendKey: "发送消息",
  sendKeys: { enter: "Enter", modifier: "Ctrl 或 ⌘ + Enter" },
  notifications: "在此设备上显示通知",
  notificationsBlocked: "浏览器不允许此页面显示通知。",
  sound: "新消息提示音",
  logOut: "退出登录",
  logOutQuestion: "确定退出吗？访客退出后将无法再回到这些对话。",
  logOutFailed: "无法通知服务器，您仍处于登录状态。",
  nobodyOnline: "目前没有其他人在线",
  invite: "把本页地址发给朋友，邀请对方来聊天。",
  copyAddress: "复制地址",
  addressCopied: "地址已复制。",
  conversationMenu: "对话选项",
  standingChoices: { muted: "免打扰", pinned: "置顶", archived: "归档" },
};

export function ownWordsFor({ language }: Catalogue): OwnWords {
  return language.startsWith("zh") ? chinese : english;
}
