/** Requests for an upgrade that are none by RFC 6455 §4.2.1, and offers of compression that RFC 7692 §7.1 does not allow. */
import { SUBPROTOCOL } from "@duologue/protocol";

export interface BrokenHandshake {
  readonly name: string;
  readonly lines: readonly string[];
  /** What it is answered with. */
  readonly status: number;
}

type Headers = Readonly<Record<string, string | undefined>>;

const BAD_REQUEST = 400;
const UPGRADE_REQUIRED = 426;
const KEY_BYTES = 16;

function keyOf(bytes: number): string {
  return Buffer.alloc(bytes, 7).toString("base64");
}

/** A right one, but for what is said. `undefined`: without this header. */
function linesOf(host: string, requestLine: string, changes: Headers): readonly string[] {
  const headers: Headers = {
    Host: host,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": keyOf(KEY_BYTES),
    "Sec-WebSocket-Protocol": SUBPROTOCOL,
    ...changes,
  };
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return [requestLine, ...fields];
}

export function brokenHandshakes(url: string): readonly BrokenHandshake[] {
  const { host } = new URL(url);
  const broken = (status: number, header: string, ...values: readonly (string | undefined)[]) =>
    values.map((value) => ({
      name: `${header}: ${value ?? "(none)"}`,
      lines: linesOf(host, "GET / HTTP/1.1", { [header]: value }),
      status,
    }));
  return [
    ...broken(UPGRADE_REQUIRED, "Sec-WebSocket-Version", undefined, "", "0", "8", "12", "14", "013", "13, 8"),
    ...broken(BAD_REQUEST, "Sec-WebSocket-Key", undefined, "", keyOf(15), keyOf(17), "!".repeat(24)),
    ...broken(BAD_REQUEST, "Connection", undefined, "", "close", "keep-alive", "Upgraded"),
    ...broken(BAD_REQUEST, "Host", undefined),
    ...["POST", "PUT", "DELETE", "OPTIONS", "PATCH"].map((method) => ({
      name: method,
      lines: linesOf(host, `${method} / HTTP/1.1`, {}),
      status: BAD_REQUEST,
    })),
    { name: "HTTP/2.0", lines: linesOf(host, "GET / HTTP/2.0", {}), status: 505 },
    { name: "no request line", lines: linesOf(host, "websocket, please", {}), status: BAD_REQUEST },
  ];
}

/** The first one is as it should be, the others are not; what is not understood is declined, and the connection stands. */
export const deflateOffers: readonly string[] = [
  "permessage-deflate; client_max_window_bits",
  "permessage-deflate; server_max_window_bits=7",
  "permessage-deflate; server_max_window_bits=16",
  "permessage-deflate; server_max_window_bits",
  "permessage-deflate; client_max_window_bits=",
  "permessage-deflate; client_max_window_bits=099",
  'permessage-deflate; client_max_window_bits="15',
  "permessage-deflate; server_no_context_takeover=1",
  "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
  "permessage-deflate; unheard_of",
  "permessage-deflate; server_max_window_bits=10, permessage-deflate",
  "permessage-deflate;;permessage-deflate;",
  "x-webkit-deflate-frame",
  ";;,,==",
];
