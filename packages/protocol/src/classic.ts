/** The classic protocol (the tutorial's): text frames, read without ever throwing. SPEC.md, rules CL*. */
export type ClassicFrame =
  | { readonly type: "login"; readonly name: string }
  | { readonly type: "chat"; readonly address: string; readonly text: string }
  | { readonly type: "word"; readonly text: string }
  | { readonly type: "ignored" };

/** What `notice:failed:…` may say. The tutorial's page ignores all of them. */
export type ClassicFailure = "login" | "offline" | "too_long" | "too_fast" | "busy" | "full";

const LOGIN = /^login:([A-Za-z0-9_]{3,20})/i;
const IGNORED: ClassicFrame = Object.freeze({ type: "ignored" });

export function decodeClassic(frame: string): ClassicFrame {
  // 'c', 'l' and 'm' in either case: the first letter decides, so that a chat frame costs no regular expression.
  switch (frame.charCodeAt(0) | 0x20) {
    case 0x63: {
      if (!hasKeyword(frame, "chat:<")) return IGNORED;
      const end = frame.indexOf(">:", 6);
      return end < 0 ? IGNORED : { type: "chat", address: frame.slice(6, end), text: frame.slice(end + 2) };
    }
    case 0x6c: {
      const name = LOGIN.exec(frame)?.[1];
      return name === undefined ? IGNORED : { type: "login", name };
    }
    case 0x6d:
      return hasKeyword(frame, "msg:") ? { type: "word", text: frame.slice(4) } : IGNORED;
    default:
      return IGNORED;
  }
}

function hasKeyword(frame: string, keyword: string): boolean {
  return frame.startsWith(keyword) || frame.slice(0, keyword.length).toLowerCase() === keyword;
}

export const classic = {
  success: "notice:success",
  welcome: (name: string): string => `msg:welcome ${name}`,
  message: (text: string): string => `msg:${text}`,
  answer: (name: string): string => `msg:nihao ${name}`,
  failed: (failure: ClassicFailure): string => `notice:failed:${failure}`,
  users: (entries: Iterable<readonly [address: string, name: string]>): string => {
    let list = "";
    for (const [address, name] of entries) {
      list += `${list === "" ? "" : ","}${JSON.stringify(address)}:${JSON.stringify(name)}`;
    }
    return `users:{${list}}`;
  },
} as const;
