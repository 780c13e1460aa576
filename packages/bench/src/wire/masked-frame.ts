/** Client-to-server WebSocket frames (RFC 6455 §5.2), built once and patched in place. */

/**
 * Every byte of the masking key is this one, so that a byte of the payload can be rewritten at any offset. It is not
 * zero, because some servers (`ws`) skip the unmasking of an all-zero key, which no browser ever sends.
 */
export const MASK_BYTE = 0x37;

export const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FINAL = 0x80;
const MASKED = 0x80;

/** Bytes before the payload of a masked frame: header, extended length and masking key. */
export function maskedHeaderBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 6;
  return payloadBytes < 65_536 ? 8 : 14;
}

export function maskedFrame(payload: Uint8Array, opcode: number = Opcode.text): Uint8Array {
  const length = payload.length;
  const header = maskedHeaderBytes(length);
  const frame = new Uint8Array(header + length);
  frame[0] = FINAL | opcode;
  if (length < 126) {
    frame[1] = MASKED | length;
  } else if (length < 65_536) {
    frame[1] = MASKED | 126;
    frame[2] = length >>> 8;
    frame[3] = length & 0xff;
  } else {
    frame[1] = MASKED | 127;
    new DataView(frame.buffer).setUint32(6, length);
  }
  frame.fill(MASK_BYTE, header - 4, header);
  for (let index = 0; index < length; index += 1) {
    frame[header + index] = (payload[index] ?? 0) ^ MASK_BYTE;
  }
  return frame;
}

export function maskedTextFrame(text: string): Uint8Array {
  return maskedFrame(new TextEncoder().encode(text));
}

/** Writes `value` in decimal, padded with zeros to `digits` places, masked, at `offset`. */
export function writeMaskedDigits(target: Uint8Array, offset: number, digits: number, value: number): void {
  let rest = value;
  for (let index = offset + digits - 1; index >= offset; index -= 1) {
    const next = Math.floor(rest / 10);
    target[index] = (48 + rest - next * 10) ^ MASK_BYTE;
    rest = next;
  }
}
