import { expect, test } from "bun:test";
import { decodeClientFrame } from "@duologue/protocol";
import { systemClock } from "../clock.ts";
import { MASK_BYTE, maskedHeaderBytes } from "../wire/masked-frame.ts";
import type { RawSocket } from "../wire/raw-socket.ts";
import { DurableSender, readIdNumber } from "./durable-sender.ts";
import { messageText } from "./message-text.ts";

const NOW_MS = Date.UTC(2026, 10, 23);

function sentTexts(firstNumber: number, count: number): string[] {
  let written: Uint8Array = new Uint8Array(0);
  const socket = {
    write: (bytes: Uint8Array, length: number): void => {
      written = bytes.slice(0, length);
    },
  } as Pick<RawSocket, "write"> as RawSocket;
  new DurableSender({ ...systemClock, now: () => NOW_MS }, socket, 77, "conversation-1").send(
    firstNumber,
    count,
  );
  const size = written.length / count;
  return Array.from({ length: count }, (_, slot) => {
    const frame = written.subarray(slot * size, (slot + 1) * size);
    return new TextDecoder().decode(
      frame.subarray(maskedHeaderBytes(size - 8)).map((byte) => byte ^ MASK_BYTE),
    );
  });
}

test("every frame is a valid send with its own id and number", () => {
  const frames = sentTexts(4_095, 3).map((text) => decodeClientFrame(text));
  for (const [slot, decoded] of frames.entries()) {
    if (!decoded.ok || decoded.frame.type !== "send") throw new TypeError("no valid send frame");
    expect(decoded.frame.conversation).toBe("conversation-1");
    expect(decoded.frame.body.text).toBe(messageText(77, 4_095 + slot));
    expect(readIdNumber(new TextEncoder().encode(decoded.frame.id), 0)).toBe(4_095 + slot);
  }
});

test("ids are version 7 and begin with the time, so that a store gets them in order", () => {
  const id = /"id":"([^"]+)"/.exec(sentTexts(0, 1)[0] ?? "")?.[1] ?? "";
  expect(id[14]).toBe("7");
  expect("89ab").toContain(id[19] ?? "none");
  expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(NOW_MS);
});
