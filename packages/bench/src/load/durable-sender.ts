/** Builds a connection's `send` frames once, and writes only the id's time and the running number into them. */
import type { BenchClock } from "../clock.ts";
import { MASK_BYTE, maskedHeaderBytes, maskedTextFrame, writeMaskedDigits } from "../wire/masked-frame.ts";
import type { RawSocket } from "../wire/raw-socket.ts";
import { messageText, NUMBER_DIGITS, NUMBER_OFFSET } from "./message-text.ts";
import type { Sender } from "./send-queue.ts";

/** A UUIDv7 (RFC 9562 §5.7): 48 bits of time, and in place of the random bits the connection and the number. */
const TIME_DIGITS = 12;
const NUMBER_ID_OFFSET = 28;
const NUMBER_ID_DIGITS = 8;

export function messageIdTemplate(connection: number): string {
  return `00000000-0000-7000-8000-${connection.toString(16).padStart(4, "0")}00000000`;
}

/** The running number in an id that begins at `offset`, or -1 when it is not one of ours. */
export function readIdNumber(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (
    let index = offset + NUMBER_ID_OFFSET;
    index < offset + NUMBER_ID_OFFSET + NUMBER_ID_DIGITS;
    index += 1
  ) {
    const byte = bytes[index] ?? 0;
    const digit = byte >= 0x61 ? byte - 0x57 : byte - 0x30;
    if (digit < 0 || digit > 15) return -1;
    value = value * 16 + digit;
  }
  return value;
}

export class DurableSender implements Sender {
  private readonly frame: Uint8Array;
  private readonly idOffset: number;
  private readonly numberOffset: number;
  private slots: Uint8Array;

  private readonly clock: BenchClock;
  private readonly socket: RawSocket;

  constructor(clock: BenchClock, socket: RawSocket, connection: number, conversation: string) {
    this.clock = clock;
    this.socket = socket;
    const id = messageIdTemplate(connection);
    const text = messageText(connection, 0);
    const payload = JSON.stringify({ type: "send", id, conversation, body: { kind: "text", text } });
    const header = maskedHeaderBytes(payload.length);
    this.frame = maskedTextFrame(payload);
    this.idOffset = header + payload.indexOf(id);
    this.numberOffset = header + payload.indexOf(text) + NUMBER_OFFSET;
    this.slots = this.frame.slice();
  }

  send(firstNumber: number, count: number): void {
    const size = this.frame.length;
    if (this.slots.length < size * count) {
      this.slots = new Uint8Array(size * count);
      for (let slot = 0; slot < count; slot += 1) this.slots.set(this.frame, slot * size);
    }
    const time = this.clock.now().toString(16).padStart(TIME_DIGITS, "0");
    for (let slot = 0; slot < count; slot += 1) {
      const id = slot * size + this.idOffset;
      // The time's twelve digits stand around the first hyphen.
      for (let digit = 0; digit < TIME_DIGITS; digit += 1) {
        this.slots[id + digit + (digit < 8 ? 0 : 1)] = time.charCodeAt(digit) ^ MASK_BYTE;
      }
      writeMaskedHex(this.slots, id + NUMBER_ID_OFFSET, NUMBER_ID_DIGITS, firstNumber + slot);
      writeMaskedDigits(this.slots, slot * size + this.numberOffset, NUMBER_DIGITS, firstNumber + slot);
    }
    this.socket.write(this.slots, size * count);
  }
}

function writeMaskedHex(target: Uint8Array, offset: number, digits: number, value: number): void {
  let rest = value;
  for (let index = offset + digits - 1; index >= offset; index -= 1) {
    const digit = rest & 15;
    target[index] = (digit < 10 ? 48 + digit : 87 + digit) ^ MASK_BYTE;
    rest >>>= 4;
  }
}
