/** SPEC.md, "Nicknames" (NK). Characters that cannot be seen stand as escapes. */
import { describe, expect } from "bun:test";
import { closeTable } from "@duologue/protocol";
import { type ErrorFrame, freshName, Peer, type Place, RefusedError } from "../harness/peer.ts";
import type { Target } from "./target.ts";

export function nicknameTests(target: Target): void {
  describe("nicknames", () => {
    formTests(target);
    lookAlikeTests(target);
    renameTests(target);
  });
}

/** What the server answers to a hello with this name, when it must refuse it. */
async function refusedName(place: Place, nickname: string): Promise<{ error: ErrorFrame; close: number }> {
  const peer = await Peer.open(place);
  const reason = await peer.hello({ nickname }).catch((refusal: unknown) => refusal);
  if (!(reason instanceof RefusedError)) throw new Error(`${JSON.stringify(nickname)} was taken`);
  const { code } = await peer.whenClosed();
  return { error: reason.frame, close: code };
}

function formTests(target: Target): void {
  const { test } = target;
  test("[NK1] a nickname is composed, its spaces folded, its ends cut; welcome says the result", async () => {
    const name = freshName();
    await using ann = await Peer.connect(target.place(), {
      nickname: `  ${name}  A\u0301\u3000 \u00a0B\ufe0f  `,
    });
    expect(ann.name).toBe(`${name} \u00c1 B`);
    await using ben = await Peer.connect(target.place());
    const lobby = await ben.next("lobby");
    expect(lobby.users?.find(({ id }) => id === ann.id)?.name).toBe(ann.name);
  });

  const fresh = (): string => freshName("").trim();
  const lengths: [string, () => string][] = [
    ["2 letters", () => fresh().slice(0, 2)],
    ["32 letters", () => `${fresh()}${fresh()}${fresh()}`.slice(0, 30).padEnd(32, "ab")],
    ["Chinese", () => `\u5f20\u4e09${fresh()}`],
    ["Arabic", () => `\u0645\u062d\u0645\u062f ${fresh()}`],
    ["Devanagari", () => `\u0905\u0930\u094d\u091c\u0941\u0928 ${fresh()}`],
    ["emoji", () => `\u{1f980}${fresh()}\u{1f98a}`],
    ["32 emoji", () => `${"\u{1f98a}".repeat(22)}${fresh()}`],
    ["punctuation", () => `O'${fresh()}-X.`],
    ["HTML", () => `<b>&${fresh()}`],
  ];
  test.each(lengths)("[NK2] 2 to 32 characters of any script are taken: %s", async (_, make) => {
    const nickname = make();
    const peer = await Peer.open(target.place());
    const outcome = await peer.hello({ nickname }).catch((reason: unknown) => reason);
    // Two letters may belong to somebody on a shared server; then the name was refused, but not for its form.
    if (outcome instanceof RefusedError) expect(outcome.frame.code).toBe("nickname_taken");
    else expect(peer.name).toBe(nickname);
    await peer.close();
  });

  test.each([
    ["empty", ""],
    ["spaces", "      "],
    ["1 letter", "a"],
    ["1 letter among spaces", "   a   "],
    ["1 emoji of two units", "\u{1f980}"],
    ["33 letters", "abcdefghijklmnopqrstuvwxyzabcdefg"],
    ["33 emoji", "\u{1f980}".repeat(33)],
  ])("[NK2] fewer than 2 or more than 32 characters are refused: %s", async (_, nickname) => {
    expect((await refusedName(target.place(), nickname)).error.code).toBe("nickname_invalid");
  });

  test.each([
    ["NUL", "ab\u0000cd"],
    ["line break", "ab\ncd"],
    ["tab", "ab\tcd"],
    ["escape", "ab\u001b[31mcd"],
    ["C1 control", "ab\u0085cd"],
    ["zero-width space", "ab\u200bcd"],
    ["zero-width joiner", "ab\u200dcd"],
    ["word joiner", "ab\u2060cd"],
    ["byte order mark", "ab\ufeffcd"],
    ["soft hyphen", "ab\u00adcd"],
    ["right-to-left override", "ab\u202ecd"],
    ["right-to-left isolate", "ab\u2067cd"],
    ["line separator", "ab\u2028cd"],
    ["private use", "ab\ue000cd"],
    ["unassigned", "ab\u{e0fff}cd"],
    ["tag character", "ab\u{e0041}cd"],
    ["noncharacter", "ab\uffffcd"],
    ["four combining marks", "abq\u0301\u0302\u0303\u0304cd"],
  ])("[NK3] what cannot be seen or breaks the line is refused: %s", async (_, nickname) => {
    const { error } = await refusedName(target.place(), nickname);
    expect(error.code).toBe("nickname_invalid");
    expect(error.suggestion).toBeUndefined();
  });

  test("[NK3] a lone surrogate is refused", async () => {
    const peer = await Peer.open(target.place());
    peer.sendText('{"type":"hello","version":1,"nickname":"ab\\ud83dcd"}');
    expect((await peer.next("error")).code).toBe("nickname_invalid");
    expect((await peer.whenClosed()).code).toBe(closeTable.hello_refused.code);
  });

  test("[NK6] in a hello, a refused nickname is followed by close hello_refused", async () => {
    expect((await refusedName(target.place(), "x")).close).toBe(closeTable.hello_refused.code);
  });
}

function lookAlikeTests(target: Target): void {
  const { test } = target;
  const disguises: [string, (name: string) => string][] = [
    ["the same", (name) => name],
    ["upper case", (name) => name.toUpperCase()],
    ["Cyrillic a", (name) => name.replace("a", "\u0430")],
    ["fullwidth", (name) => name.replace("a", "\uff41").replace("s", "\uff53")],
    ["mathematical", (name) => name.replace("a", "\u{1d41a}")],
    ["Greek capital", (name) => name.replace("A", "\u0391")],
    ["decomposed and spaced", (name) => ` ${name.replace(" ", "   ")} `],
  ];
  test.each(disguises)("[NK4] a name that looks like one now online is refused: %s", async (_, disguise) => {
    await using ann = await Peer.connect(target.place(), { nickname: `Alas${freshName("")}` });
    const { error, close } = await refusedName(target.place(), disguise(ann.name));
    expect(error.code).toBe("nickname_taken");
    expect(close).toBe(closeTable.hello_refused.code);
    const nickname = error.suggestion ?? "";
    await using other = await Peer.connect(target.place(), { nickname });
    expect(other.name).toBe(nickname);
  });

  test("[NK4] of many who ask for one name at once, over all workers, one gets it", async () => {
    const nickname = freshName();
    const peers = await Promise.all(Array.from({ length: 8 }, () => Peer.open(target.place())));
    const outcomes = await Promise.allSettled(peers.map((peer) => peer.hello({ nickname })));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await Promise.all(peers.map((peer) => peer.close()));
  });

  test("[NK4] one's own name on another connection is not in the way", async () => {
    await using ann = await Peer.connect(target.place());
    await using again = await Peer.connect(target.place(), { token: ann.token, nickname: ann.name });
    expect(again.id).toBe(ann.id);
  });

  test("[NK4] a name is free again when its bearer has logged out", async () => {
    const ann = await Peer.connect(target.place());
    await ann.logout();
    await using ben = await Peer.connect(target.place(), { nickname: ann.name });
    expect(ben.id).not.toBe(ann.id);
  });
}

function renameTests(target: Target): void {
  const { test } = target;
  test("[NK5] rename answers renamed, tells everybody, and lasts", async () => {
    await using ann = await Peer.connect(target.place());
    await using ben = await Peer.connect(target.place());
    const nickname = freshName("Anew");
    const user = { id: ann.id, name: nickname, kind: "guest" } as const;
    expect((await ann.ask({ type: "rename", nickname: ` ${nickname} ` }, "renamed")).user).toEqual(user);
    const isNews = (joined: readonly { id: string; name: string }[]): boolean =>
      joined.some(({ id, name }) => id === ann.id && name === nickname);
    await ben.next("lobby-change", ({ joined }) => isNews(joined));
    await ann.next("lobby-change", ({ joined }) => isNews(joined));
    await using again = await Peer.connect(target.place(), { token: ann.token });
    expect(again.welcome.user).toEqual(user);
    expect((await again.ask({ type: "open", user: ben.id }, "conversation")).conversation.peer.id).toBe(
      ben.id,
    );
    expect((await ben.open(ann.id)).peer).toEqual(user);
  });

  test("[NK5] a rename is under the same rules as a hello, and a refused one changes nothing", async () => {
    await using ann = await Peer.connect(target.place());
    await using ben = await Peer.connect(target.place());
    expect((await ann.refusal({ type: "rename", nickname: "x" })).code).toBe("nickname_invalid");
    const taken = await ann.refusal({ type: "rename", nickname: ben.name.toUpperCase() });
    expect(taken.code).toBe("nickname_taken");
    expect(taken.suggestion).toBeString();
    await using again = await Peer.connect(target.place(), { token: ann.token });
    expect(again.name).toBe(ann.name);
  });

  test("[NK5] the old name is free after a rename, the new one taken", async () => {
    await using ann = await Peer.connect(target.place());
    const old = ann.name;
    const nickname = freshName("Anew");
    await ann.ask({ type: "rename", nickname }, "renamed");
    await using ben = await Peer.connect(target.place(), { nickname: old });
    expect(ben.name).toBe(old);
    expect((await refusedName(target.place(), nickname)).error.code).toBe("nickname_taken");
  });

  test("[NK5] somebody may change the case of their own name", async () => {
    await using ann = await Peer.connect(target.place());
    const nickname = ann.name.toUpperCase();
    expect((await ann.ask({ type: "rename", nickname }, "renamed")).user.name).toBe(nickname);
  });
}
