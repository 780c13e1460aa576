/**
 * Frames that break RFC 6455 (or, by compression that was not agreed, RFC 7692), and what must come of each: the close
 * code that §7.4.1 gives it.
 */
import { encodeRawFrame, opcode } from "../harness/raw.ts";

export interface Breach {
  readonly name: string;
  readonly bytes: Buffer;
  /** The close code; the server may answer a proper close with the same one. */
  readonly code: number;
}

const PROTOCOL_ERROR = 1002;
const NOT_UTF8 = 1007;
const TOO_BIG = 1009;
/** A close frame without a payload stands for this (§7.4.1); none is sent with it. */
const NO_CODE = 1005;
/** RFC 3629 */
const notUtf8: readonly (readonly [string, readonly number[]])[] = [
  ["a lone continuation byte", [0x80]],
  ["a lead without its tail", [0xc3, 0x28]],
  ["an overlong slash", [0xc0, 0xaf]],
  ["an overlong NUL", [0xe0, 0x80, 0x80]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["a number above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["a byte of no sequence", [0xff]],
];
const KNOWN_OPCODES: readonly number[] = Object.values(opcode);
const ALL_OPCODES = Array.from({ length: 16 }, (_, index) => index);

export function breaches(frameBytes: number): readonly Breach[] {
  return [...headers(), ...fragments(), ...controls(), ...closes(), ...texts(), ...sizes(frameBytes)];
}

function frames(...parts: Parameters<typeof encodeRawFrame>[]): Buffer {
  return Buffer.concat(parts.map(([payload, options]) => encodeRawFrame(payload, options)));
}

/** §5.2: no reserved bit, no unknown opcode; §5.1: every frame of a client masked. */
function headers(): Breach[] {
  const wrong = (name: string, options: object): Breach => {
    return { name, bytes: frames(["{}", options]), code: PROTOCOL_ERROR };
  };
  return [
    ...[1, 2, 3, 4, 5, 6, 7].map((reserved) => wrong(`reserved bits ${reserved}`, { reserved })),
    wrong("a reserved bit on a ping", { reserved: 1, opcode: opcode.ping }),
    ...ALL_OPCODES.filter((code) => !KNOWN_OPCODES.includes(code)).map((code) =>
      wrong(`opcode ${code}`, { opcode: code }),
    ),
    ...KNOWN_OPCODES.map((code) => wrong(`opcode ${code}, not masked`, { opcode: code, masked: false })),
    { name: "deflated text", bytes: deflated(), code: PROTOCOL_ERROR },
  ];
}

/** RFC 7692 §7.2.1: a bomb of a mebibyte, which no extension allows here. */
function deflated(): Buffer {
  return frames([Buffer.from(Bun.deflateSync(Buffer.alloc(1 << 20, 120))), { reserved: 4 }]);
}

/** §5.4 */
function fragments(): Breach[] {
  const { continuation, text, binary, ping } = opcode;
  const breach = (name: string, ...parts: Parameters<typeof encodeRawFrame>[]): Breach => {
    return { name, bytes: frames(...parts), code: PROTOCOL_ERROR };
  };
  return [
    breach("a continuation of nothing", ["x", { opcode: continuation }]),
    breach("an unfinished continuation of nothing", ["x", { opcode: continuation, fin: false }]),
    breach("an empty continuation of nothing", ["", { opcode: continuation }]),
    breach("a text inside a text", ["x", { fin: false }], ["y", { opcode: text }]),
    breach("a binary inside a text", ["x", { fin: false }], ["y", { opcode: binary }]),
    breach("a text after an empty beginning", ["", { fin: false }], ["y", { opcode: text }]),
    ...[4, 2, 1].flatMap((reserved) => [
      breach(`reserved bits ${reserved} on the first fragment`, ["x", { fin: false, reserved }]),
      breach(
        `reserved bits ${reserved} on the last`,
        ["x", { fin: false }],
        ["y", { opcode: continuation, reserved }],
      ),
      breach(
        `reserved bits ${reserved} between`,
        ["x", { fin: false }],
        ["y", { opcode: continuation, fin: false, reserved }],
      ),
      breach(
        `reserved bits ${reserved} on a ping between`,
        ["x", { fin: false }],
        ["", { opcode: ping, reserved }],
      ),
    ]),
  ];
}

/** §5.5: at most 125 bytes, never in fragments. */
function controls(): Breach[] {
  return [opcode.ping, opcode.pong, opcode.close].flatMap((code) => {
    const valid = code === opcode.close ? Buffer.from([0x03, 0xe8]) : Buffer.from("x");
    const long = Buffer.concat([valid, Buffer.alloc(126 - valid.length, 120)]);
    return [
      { name: `opcode ${code}, 126 bytes`, bytes: frames([long, { opcode: code }]), code: PROTOCOL_ERROR },
      {
        name: `opcode ${code} in fragments`,
        bytes: frames([valid, { opcode: code, fin: false }]),
        code: PROTOCOL_ERROR,
      },
    ];
  });
}

/** §5.5.1, §7.4: two bytes of a code that may be sent, then UTF-8; a proper one is answered with the same. */
function closes(): Breach[] {
  const closing = (code: number, reason: Buffer = Buffer.alloc(0)): Buffer => {
    return frames([Buffer.concat([Buffer.from([code >> 8, code & 0xff]), reason]), { opcode: opcode.close }]);
  };
  const proper = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
  const improper = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
  return [
    { name: "close of one byte", bytes: frames([Buffer.from([3]), { opcode: 8 }]), code: PROTOCOL_ERROR },
    ...notUtf8.map(([name, bytes]) => {
      return { name: `close, reason with ${name}`, bytes: closing(1000, Buffer.from(bytes)), code: NOT_UTF8 };
    }),
    { name: "close, reason of 123 bytes", bytes: closing(1000, Buffer.alloc(123, 120)), code: 1000 },
    { name: "close, reason in many bytes", bytes: closing(1000, Buffer.from("aé你🦀")), code: 1000 },
    { name: "close, and more after it", bytes: Buffer.concat([closing(1000), frames(["{}"])]), code: 1000 },
    { name: "close of nothing", bytes: frames(["", { opcode: opcode.close }]), code: NO_CODE },
    ...proper.map((code) => ({ name: `close ${code}`, bytes: closing(code), code })),
    ...improper.map((code) => ({ name: `close ${code}`, bytes: closing(code), code: PROTOCOL_ERROR })),
  ];
}

/** Each of these at the start, the end and in the middle, whole and in two fragments. */
function texts(): Breach[] {
  const around = [..."aé你🦀"];
  return notUtf8.flatMap(([name, bytes]) =>
    Array.from({ length: around.length + 1 }, (_, at) => {
      const text = Buffer.concat([
        Buffer.from(around.slice(0, at).join("")),
        Buffer.from(bytes),
        Buffer.from(around.slice(at).join("")),
      ]);
      const cuts = Array.from({ length: text.length - 1 }, (_, index) => index + 1);
      return [
        { name: `${name} at ${at}`, bytes: frames([text, {}]), code: NOT_UTF8 },
        ...cuts.map((cut) => ({
          name: `${name} at ${at}, in fragments of ${cut} and ${text.length - cut} bytes`,
          bytes: frames(
            [text.subarray(0, cut), { fin: false }],
            [text.subarray(cut), { opcode: opcode.continuation }],
          ),
          code: NOT_UTF8,
        })),
      ];
    }).flat(),
  );
}

/** A length that is claimed is judged before anything is kept for it. */
function sizes(frameBytes: number): Breach[] {
  const claims = [BigInt(frameBytes) + 1n, 1n << 20n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 62n, 1n << 63n];
  return [...claims, (1n << 64n) - 1n].map((claimedBytes) => {
    return { name: `${claimedBytes} bytes claimed`, bytes: frames(["x", { claimedBytes }]), code: TOO_BIG };
  });
}
