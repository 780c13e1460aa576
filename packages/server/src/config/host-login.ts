/** Options of host login: the site that embeds the server says who its users are. */
import { findOriginProblem, isKeySetAddress } from "./addresses.ts";
import { type Option, readChoice, readMany, readOne, readPath } from "./option.ts";

export interface HostLoginOptions {
  /** Never a flag and never in the file: it is for the environment of a container. */
  readonly hostSecret: string | undefined;
  /** Absolute path. */
  readonly hostSecretFile: string | undefined;
  readonly hostJwks: string | undefined;
  readonly hostIssuer: string | undefined;
  readonly hostAudience: string | undefined;
  readonly guests: "auto" | "on" | "off";
  /** Origins of pages that may hold ours in a frame. */
  readonly embedOrigins: readonly string[];
}

/** HS256 with less could be guessed (RFC 7518 §3.2). */
export const MIN_SECRET_BYTES = 32;
const MAX_CLAIM_CHARACTERS = 1000;

/** Without the secret in the report. */
const readSecret: Option<string | undefined>["read"] = (entries, report) => {
  const entry = entries.at(-1);
  if (entry === undefined) return undefined;
  if (Buffer.byteLength(entry.text) >= MIN_SECRET_BYTES) return entry.text;
  report(`${entry.place}: expected at least ${MIN_SECRET_BYTES} bytes, got ${Buffer.byteLength(entry.text)}`);
  return undefined;
};

const readClaim: Option<string | undefined>["read"] = readOne(
  `a text of at most ${MAX_CLAIM_CHARACTERS} characters`,
  (text) => (text.length > 0 && text.length <= MAX_CLAIM_CHARACTERS ? text : undefined),
);

export const hostLoginOptions: { readonly [Name in keyof HostLoginOptions]: Option<HostLoginOptions[Name]> } =
  {
    hostSecret: {
      flag: undefined,
      environment: "DUOLOGUE_HOST_SECRET",
      key: undefined,
      fileType: "string",
      takes: "one",
      read: readSecret,
      defaultValue: () => undefined,
      defaultText: "none",
      description: `Host login: the secret that the embedding site signs tokens with (HS256), at least ${MIN_SECRET_BYTES} bytes. See docs/embedding.md.`,
    },
    hostSecretFile: {
      flag: "--host-secret-file <file>",
      environment: "DUOLOGUE_HOST_SECRET_FILE",
      key: "host-secret-file",
      fileType: "string",
      takes: "one",
      read: readPath,
      defaultValue: () => undefined,
      defaultText: "none",
      description: "Host login: a file that holds the secret, white space at its ends ignored.",
    },
    hostJwks: {
      flag: "--host-jwks <url>",
      environment: "DUOLOGUE_HOST_JWKS",
      key: "host-jwks",
      fileType: "string",
      takes: "one",
      read: readOne(
        "an address such as https://example.com/.well-known/jwks.json (http only on this machine itself)",
        (text) => (isKeySetAddress(text) ? text : undefined),
      ),
      defaultValue: () => undefined,
      defaultText: "none",
      description: "Host login: where the site's public keys are (JWKS; RS256, ES256, EdDSA).",
    },
    hostIssuer: {
      flag: "--host-issuer <text>",
      environment: "DUOLOGUE_HOST_ISSUER",
      key: "host-issuer",
      fileType: "string",
      takes: "one",
      read: readClaim,
      defaultValue: () => undefined,
      defaultText: "any",
      description: "Host login: what the iss of a token must be.",
    },
    hostAudience: {
      flag: "--host-audience <text>",
      environment: "DUOLOGUE_HOST_AUDIENCE",
      key: "host-audience",
      fileType: "string",
      takes: "one",
      read: readClaim,
      defaultValue: () => undefined,
      defaultText: "any",
      description: "Host login: what the aud of a token must be or hold.",
    },
    guests: {
      flag: "--guests <mode>",
      environment: "DUOLOGUE_GUESTS",
      key: "guests",
      fileType: "string",
      takes: "one",
      read: readChoice("auto", "on", "off"),
      defaultValue: () => "auto",
      defaultText: "auto",
      description:
        "Whether people come in with a nickname alone: on, off (the classic protocol is off then, too), or auto: on without host login, off with it.",
    },
    embedOrigins: {
      flag: "--embed-origins <list>",
      environment: "DUOLOGUE_EMBED_ORIGINS",
      key: "embed-origins",
      fileType: "strings",
      takes: "list",
      read: readMany(findOriginProblem),
      defaultValue: () => Object.freeze([]),
      defaultText: "none",
      description: "Origins of sites that may show the page in a frame, e.g. https://example.com.",
    },
  };

/** Faults that lie between options, each with its place. */
export function findHostLoginProblems(options: HostLoginOptions): string[] {
  const { hostSecret, hostSecretFile, hostJwks } = options;
  const ways = [hostSecret, hostSecretFile, hostJwks].filter((way) => way !== undefined);
  if (ways.length > 1) {
    return [
      "host login: expected one of DUOLOGUE_HOST_SECRET, --host-secret-file and --host-jwks, got several",
    ];
  }
  if (ways.length === 1) return [];
  const lone = options.hostIssuer !== undefined || options.hostAudience !== undefined;
  return lone ? ["host login: expected a secret or --host-jwks beside the issuer or audience, got none"] : [];
}
