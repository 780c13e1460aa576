/** The text of a message: the sender's index, a running number and filling up to 64 bytes, `00007:0000000042:xxx….` */
export const TEXT_BYTES = 64;
export const NUMBER_DIGITS = 10;
const SENDER_DIGITS = 5;
export const NUMBER_OFFSET = SENDER_DIGITS + 1;
const FULL_STOP = 0x2e;

export function messageText(sender: number, number: number): string {
  const head = `${String(sender).padStart(SENDER_DIGITS, "0")}:${String(number).padStart(NUMBER_DIGITS, "0")}:`;
  return `${head.padEnd(TEXT_BYTES - 1, "x")}.`;
}

/** Whether the text at `offset` is that very message, looking at its sender, number and last byte. */
export function isMessageText(bytes: Uint8Array, offset: number, sender: number, number: number): boolean {
  return (
    bytes[offset + TEXT_BYTES - 1] === FULL_STOP &&
    readDigits(bytes, offset, SENDER_DIGITS) === sender &&
    readDigits(bytes, offset + NUMBER_OFFSET, NUMBER_DIGITS) === number
  );
}

function readDigits(bytes: Uint8Array, offset: number, digits: number): number {
  let value = 0;
  for (let index = offset; index < offset + digits; index += 1)
    value = value * 10 + (bytes[index] as number) - 48;
  return value;
}
