import { describe, expect, test } from "bun:test";
import { type FrameMessage, type HostMessage, readFrameMessage, readHostMessage, wrap } from "./messages.ts";

const arrived = { conversation: "c1", id: "m1", seq: 3, from: "u1", fromName: "Ann", time: 1000 };

const toFrame: readonly HostMessage[] = [
  {
    type: "settings",
    settings: { login: "guest", closable: true, theme: "dark", colours: { accent: "red" }, peer: "u1" },
  },
  { type: "token", ref: 1, token: "t" },
  { type: "token", ref: 2 },
  { type: "focus" },
];

const toHost: readonly FrameMessage[] = [
  { type: "loaded" },
  { type: "token-request", ref: 4 },
  { type: "ready", user: "u1" },
  { type: "unread", count: 2 },
  { type: "message", message: arrived },
  { type: "close" },
];

describe("messages between the host page and the frame", () => {
  test.each(toFrame)("to the frame, %j is read as it was written", (message) => {
    expect(readHostMessage(wrap(message))).toEqual(message);
  });

  test.each(toHost)("to the host page, %j is read as it was written", (message) => {
    expect(readFrameMessage(wrap(message))).toEqual(message);
  });

  test.each([
    undefined,
    null,
    "settings",
    7,
    {},
    { type: "focus" },
    { duologue: 2, type: "focus" },
    { duologue: 1, type: "unknown" },
    { duologue: 1, type: "settings" },
    { duologue: 1, type: "settings", settings: { login: "anybody" } },
    { duologue: 1, type: "token", token: "t" },
    { duologue: 1, type: "token-request", ref: "1" },
    { duologue: 1, type: "message", message: { ...arrived, seq: "3" } },
    { duologue: 1, type: "message", message: { ...arrived, fromName: undefined } },
  ])("what other scripts post is not taken for one: %j", (data) => {
    expect([readHostMessage(data), readFrameMessage(data)]).toEqual([undefined, undefined]);
  });

  test("an arrived message is told without anything that is not listed, such as a text", () => {
    const message = { ...arrived, text: "secret" };
    expect(readFrameMessage(wrap({ type: "message", message }))).toEqual({
      type: "message",
      message: arrived,
    });
  });

  test("colours that are not known, and what is no text, are left out", () => {
    const settings = {
      login: "token",
      closable: 1,
      theme: "pink",
      colours: { accent: 3, muted: "grey", "z-index": "4" },
      peer: 5,
      language: null,
    };
    expect(readHostMessage({ duologue: 1, type: "settings", settings })).toEqual({
      type: "settings",
      settings: { login: "token", closable: false, theme: "auto", colours: { muted: "grey" } },
    });
  });
});
