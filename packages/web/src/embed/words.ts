/** Everything the frame says, in both languages: a missing sentence does not compile. */
export interface Words {
  /** BCP 47. */
  readonly language: string;
  readonly chat: string;
  readonly close: string;
  readonly back: string;
  readonly nickname: string;
  readonly nicknameHint: string;
  readonly start: string;
  readonly connecting: string;
  readonly reconnecting: string;
  readonly tryAgain: string;
  readonly loading: string;
  readonly conversations: string;
  readonly peopleOnline: string;
  readonly nobody: string;
  readonly unread: (count: number) => string;
  readonly messagesWith: (name: string) => string;
  readonly noMessages: string;
  readonly older: string;
  readonly message: string;
  readonly send: string;
  readonly typing: (name: string) => string;
  readonly online: string;
  readonly retracted: string;
  readonly unknownKind: string;
  readonly edited: string;
  readonly states: Readonly<Record<"queued" | "sending" | "sent" | "delivered" | "read" | "failed", string>>;
  readonly problems: Readonly<Record<Problem, string>>;
}

/** What people are told when the chat cannot begin or go on. */
export type Problem =
  | "nicknameInvalid"
  | "nicknameTaken"
  | "guestsClosed"
  | "noToken"
  | "tokenRefused"
  | "peerUnknown"
  | "selfPeer"
  | "textTooLong"
  | "tooFast"
  | "failed";

const english: Words = {
  language: "en",
  chat: "Chat",
  close: "Close chat",
  back: "All conversations",
  nickname: "Nickname",
  nicknameHint: "2 to 32 characters of any script",
  start: "Start chat",
  connecting: "Connecting…",
  reconnecting: "No connection. Trying again…",
  tryAgain: "Try again",
  loading: "Loading…",
  conversations: "Conversations",
  peopleOnline: "Online",
  nobody: "Nobody else is here.",
  unread: (count) => (count === 1 ? "1 unread message" : `${count} unread messages`),
  messagesWith: (name) => `Messages with ${name}`,
  noMessages: "Nothing here yet. Say hello.",
  older: "Load older messages",
  message: "Message",
  send: "Send",
  typing: (name) => `${name} is typing…`,
  online: "online",
  retracted: "Message deleted",
  unknownKind: "This message needs a newer version of the chat",
  edited: "edited",
  states: {
    queued: "Waiting to be sent",
    sending: "Sending",
    sent: "Sent",
    delivered: "Delivered",
    read: "Read",
    failed: "Not sent",
  },
  problems: {
    nicknameInvalid: "This nickname cannot be used.",
    nicknameTaken: "Somebody here has this nickname, or one that looks like it.",
    guestsClosed: "Log in on this site to chat.",
    noToken: "Log in on this site to chat.",
    tokenRefused: "The chat does not accept this site's login.",
    peerUnknown: "This person has not been in the chat yet.",
    selfPeer: "This is you.",
    textTooLong: "The message is too long.",
    tooFast: "That was too fast. Wait a moment.",
    failed: "That did not work.",
  },
};

const chinese: Words = {
  language: "zh-CN",
  chat: "聊天",
  close: "关闭聊天",
  back: "所有会话",
  nickname: "昵称",
  nicknameHint: "2 到 32 个字符,任何文字均可",
  start: "开始聊天",
  connecting: "正在连接…",
  reconnecting: "连接已断开,正在重试…",
  tryAgain: "重试",
  loading: "正在加载…",
  conversations: "会话",
  peopleOnline: "在线",
  nobody: "这里还没有别人。",
  unread: (count) => `${count} 条未读消息`,
  messagesWith: (name) => `与 ${name} 的消息`,
  noMessages: "还没有消息,打个招呼吧。",
  older: "加载更早的消息",
  message: "消息",
  send: "发送",
  typing: (name) => `${name} 正在输入…`,
  online: "在线",
  retracted: "消息已删除",
  unknownKind: "需要更新版本才能显示此消息",
  edited: "已编辑",
  states: {
    queued: "等待发送",
    sending: "正在发送",
    sent: "已发送",
    delivered: "已送达",
    read: "已读",
    failed: "未发送",
  },
  problems: {
    nicknameInvalid: "这个昵称不能使用。",
    nicknameTaken: "已有人使用这个或看起来相同的昵称。",
    guestsClosed: "请先登录本站再聊天。",
    noToken: "请先登录本站再聊天。",
    tokenRefused: "聊天服务不接受本站的登录。",
    peerUnknown: "对方还没有使用过聊天。",
    selfPeer: "这是您自己。",
    textTooLong: "消息太长。",
    tooFast: "操作太快,请稍候。",
    failed: "操作未成功。",
  },
};

/** Chinese for any tag that begins with `zh`, English otherwise. */
export function chooseWords(language: string): Words {
  return /^zh\b/i.test(language) ? chinese : english;
}

/** A refusal's code as people are told it; codes that a newer server added get the general sentence. */
export function problemOf(code: string): Problem {
  switch (code) {
    case "nickname_invalid":
      return "nicknameInvalid";
    case "nickname_taken":
      return "nicknameTaken";
    case "guests_closed":
      return "guestsClosed";
    case "token_invalid":
      return "tokenRefused";
    case "token_expired":
      return "noToken";
    case "user_unknown":
    case "recipient_gone":
      return "peerUnknown";
    case "self_conversation":
      return "selfPeer";
    case "text_too_long":
      return "textTooLong";
    case "too_fast":
    case "too_many_conversations":
    case "too_many_guests":
      return "tooFast";
    default:
      return "failed";
  }
}
