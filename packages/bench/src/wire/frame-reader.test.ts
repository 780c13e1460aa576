import { expect, test } from "bun:test";
import { FrameReader, ServerFrameError } from "./frame-reader.ts";

function serverFrame(payload: string, opcode = 1): Uint8Array {
  const body = new TextEncoder().encode(payload);
  const { length } = body;
  const header =
    length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, 0, 0, 0, 0];
  const rest =
    length < 65_536 ? [] : [length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
  return Uint8Array.from([0x80 | opcode, ...header, ...rest, ...body]);
}

function collect(): { reader: FrameReader; frames: string[] } {
  const frames: string[] = [];
  const reader = new FrameReader({
    frame: (opcode, bytes, start, end) => {
      frames.push(`${opcode}:${new TextDecoder().decode(bytes.subarray(start, end))}`);
    },
  });
  return { reader, frames };
}

test("gives the same frames wherever the stream is cut", () => {
  const payloads = ["", "a", "x".repeat(125), "y".repeat(126), "z".repeat(400), "end"];
  const stream = Buffer.concat(payloads.map((payload) => serverFrame(payload)));
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const { reader, frames } = collect();
    reader.push(stream.subarray(0, cut));
    reader.push(stream.subarray(cut));
    expect(frames).toEqual(payloads.map((payload) => `1:${payload}`));
  }
});

test("puts frames together that come byte by byte, with all three forms of length", () => {
  const payloads = ["short", "m".repeat(300), "l".repeat(70_000)];
  const { reader, frames } = collect();
  for (const byte of Buffer.concat(payloads.map((payload) => serverFrame(payload)))) {
    reader.push(Uint8Array.of(byte));
  }
  expect(frames).toEqual(payloads.map((payload) => `1:${payload}`));
});

test("hands on the opcode of control frames", () => {
  const { reader, frames } = collect();
  reader.push(serverFrame("are you there", 9));
  expect(frames).toEqual(["9:are you there"]);
});

test.each([
  ["masked frames", [0x81, 0x85, 1, 2, 3, 4]],
  ["fragments", [0x01, 1, 97]],
  ["payloads beyond the limit", [0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]],
])("refuses %s", (_what, bytes) => {
  const { reader } = collect();
  expect(() => reader.push(Uint8Array.from(bytes))).toThrow(ServerFrameError);
});
