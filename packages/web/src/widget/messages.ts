/**
 * What the host page's side of the widget and the frame say to each other by postMessage (docs/adr/0004). No message's
 * text ever goes to the host page, and a token goes to the frame only. Readers are total: what they do not know is undefined.
 */

/** Set on every message, so that other scripts' messages are told apart; raised when a message changes its meaning. */
const MARK = 1;

export type Login = "token" | "guest";
export type Theme = "light" | "dark" | "auto";

export interface Settings {
  /** Who logs in: whom the host page's token names, or a guest who picks a nickname in the frame. */
  readonly login: Login;
  /** The launcher's window can be closed from within; an element in the page cannot. */
  readonly closable: boolean;
  /** With a token, the `sub` of the other person; for guests, a user id. Absent: all conversations. */
  readonly peer?: string;
  /** BCP 47; absent: the browser's. */
  readonly language?: string;
  readonly theme: Theme;
  /** Names of COLOURS → values, as the host page's style sheet has them. */
  readonly colours: Readonly<Record<string, string>>;
}

export type HostMessage =
  /** First, and again whenever one of them changes. */
  | { readonly type: "settings"; readonly settings: Settings }
  /** The answer to `token-request`; without a token when the host page has none. */
  | { readonly type: "token"; readonly ref: number; readonly token?: string }
  /** The window was opened: the cursor belongs into the composer. */
  | { readonly type: "focus" };

/** A message of the other side that has just arrived, without its text. */
export interface ArrivedMessage {
  readonly conversation: string;
  readonly id: string;
  readonly seq: number;
  /** User id. */
  readonly from: string;
  readonly fromName: string;
  /** Milliseconds since 1970, by the server's clock. */
  readonly time: number;
}

export type FrameMessage =
  /** The frame listens. */
  | { readonly type: "loaded" }
  | { readonly type: "token-request"; readonly ref: number }
  /** Logged in, as this user id. */
  | { readonly type: "ready"; readonly user: string }
  | { readonly type: "unread"; readonly count: number }
  | { readonly type: "message"; readonly message: ArrivedMessage }
  /** Escape, or the frame's own close button. */
  | { readonly type: "close" };

/** Custom properties of the host page, without `--duologue-`, that colour the frame. */
export const COLOURS = [
  "accent",
  "on-accent",
  "ground",
  "surface",
  "text",
  "muted",
  "line",
  "own",
  "on-own",
] as const;

export function wrap<T extends HostMessage | FrameMessage>(message: T): T & { readonly duologue: number } {
  return { ...message, duologue: MARK };
}

export function readHostMessage(data: unknown): HostMessage | undefined {
  if (!isOurs(data)) return undefined;
  switch (data.type) {
    case "settings": {
      const settings = readSettings(data.settings);
      return settings && { type: "settings", settings };
    }
    case "token":
      if (typeof data.ref !== "number") return undefined;
      return typeof data.token === "string"
        ? { type: "token", ref: data.ref, token: data.token }
        : { type: "token", ref: data.ref };
    case "focus":
      return { type: "focus" };
    default:
      return undefined;
  }
}

export function readFrameMessage(data: unknown): FrameMessage | undefined {
  if (!isOurs(data)) return undefined;
  switch (data.type) {
    case "loaded":
      return { type: "loaded" };
    case "token-request":
      return typeof data.ref === "number" ? { type: "token-request", ref: data.ref } : undefined;
    case "ready":
      return typeof data.user === "string" ? { type: "ready", user: data.user } : undefined;
    case "unread":
      return typeof data.count === "number" ? { type: "unread", count: data.count } : undefined;
    case "message": {
      const message = readArrived(data.message);
      return message && { type: "message", message };
    }
    case "close":
      return { type: "close" };
    default:
      return undefined;
  }
}

/** Anything that is no theme is `auto`. */
export function readTheme(text: unknown): Theme {
  return text === "light" || text === "dark" ? text : "auto";
}

function readSettings(data: unknown): Settings | undefined {
  if (!isRecord(data)) return undefined;
  const { login, closable, peer, language, theme, colours } = data;
  if (login !== "token" && login !== "guest") return undefined;
  const known: Record<string, string> = {};
  for (const name of COLOURS) {
    const value = isRecord(colours) ? colours[name] : undefined;
    if (typeof value === "string") known[name] = value;
  }
  return {
    login,
    closable: closable === true,
    theme: readTheme(theme),
    colours: known,
    ...(typeof peer === "string" ? { peer } : {}),
    ...(typeof language === "string" ? { language } : {}),
  };
}

function readArrived(data: unknown): ArrivedMessage | undefined {
  if (!isRecord(data)) return undefined;
  const { conversation, id, seq, from, fromName, time } = data;
  if (typeof conversation !== "string" || typeof id !== "string" || typeof seq !== "number") return undefined;
  if (typeof from !== "string" || typeof fromName !== "string" || typeof time !== "number") return undefined;
  return { conversation, id, seq, from, fromName, time };
}

function isOurs(data: unknown): data is Record<string, unknown> {
  return isRecord(data) && data.duologue === MARK;
}

function isRecord(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null;
}
