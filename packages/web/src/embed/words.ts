/** The few sentences that only the frame says; all others are the page's. */
import type { Catalogue } from "../page/catalogue.ts";
import { explain } from "../page/languages.ts";

interface Words {
  /** What the frame is, where no conversation gives it a name. */
  readonly chat: string;
  /** Before a guest picks a nickname. */
  readonly guestHint: string;
  readonly logIn: string;
  readonly tokenRefused: string;
  readonly peerUnknown: string;
}

const english: Words = {
  chat: "Chat",
  guestHint:
    "Choose a nickname to write to people on this site. They see it and answer you here, one to one.",
  logIn: "Sign in on this site to chat.",
  tokenRefused: "The chat does not accept this site's sign-in.",
  peerUnknown: "This person is not in the chat.",
};

const chinese: Words = {
  chat: "聊天",
  guestHint: "取一个昵称，即可在此与本站的人一对一聊天；对方会看到您的昵称。",
  logIn: "请先登录本站再聊天。",
  tokenRefused: "聊天服务不接受本站的登录。",
  peerUnknown: "找不到这位用户。",
};

export function wordsFor({ language }: Catalogue): Words {
  return language.startsWith("zh") ? chinese : english;
}

/** The host page has no token. Otherwise a problem is the code of a refusal. */
export const NO_TOKEN = "no_token";

/** A problem as people are told it. */
export function explainProblem(catalogue: Catalogue, code: string): string {
  const words = wordsFor(catalogue);
  switch (code) {
    case NO_TOKEN:
    case "token_expired":
    case "session_expired":
    case "guests_closed":
      return words.logIn;
    case "token_invalid":
      return words.tokenRefused;
    case "user_unknown":
      return words.peerUnknown;
    default:
      return explain(catalogue, code);
  }
}
