import { expect, test } from "bun:test";
import { MASK_BYTE, maskedHeaderBytes, maskedTextFrame, writeMaskedDigits } from "./masked-frame.ts";

function unmask(frame: Uint8Array, payloadBytes: number): string {
  return new TextDecoder().decode(
    frame.subarray(maskedHeaderBytes(payloadBytes)).map((byte) => byte ^ MASK_BYTE),
  );
}

test.each([0, 5, 125, 126, 65_535, 65_536])(
  "a payload of %d bytes has the header RFC 6455 asks for",
  (length) => {
    const frame = maskedTextFrame("t".repeat(length));
    expect(frame[0]).toBe(0x81);
    expect((frame[1] ?? 0) & 0x80).toBe(0x80);
    const view = new DataView(frame.buffer);
    const short = (frame[1] ?? 0) & 0x7f;
    const told = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
    expect(told).toBe(length);
    expect(frame.length).toBe(maskedHeaderBytes(length) + length);
    expect(unmask(frame, length)).toBe("t".repeat(length));
  },
);

test("digits are rewritten in place", () => {
  const frame = maskedTextFrame("n=0000000000;");
  writeMaskedDigits(frame, maskedHeaderBytes(13) + 2, 10, 1_234_567);
  expect(unmask(frame, 13)).toBe("n=0001234567;");
});
