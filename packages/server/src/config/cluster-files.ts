/** The files that the options of a cluster name: whether they are there, and what they must be. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ClusterOptions } from "./cluster.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** As NATS's own tools write it: a JWT and an NKey seed, each between two lines of dashes. */
const CREDENTIALS =
  /-+BEGIN NATS USER JWT-+\s+\S+\s+-+END NATS USER JWT-+[\s\S]+-+BEGIN USER NKEY SEED-+\s+SU\w+/;

const certificate = "a certificate (PEM)";
const credentials = "a credentials file of NATS (JWT and NKey seed)";

/** Faults of these files, each with its place: to be looked for before anything is opened. */
export function findClusterFileProblems({
  storeCa,
  busCa,
  busCredentials,
}: Pick<ClusterOptions, "storeCa" | "busCa" | "busCredentials">): string[] {
  return [
    ...findProblem("store-ca", storeCa, certificate, isCertificate),
    ...findProblem("bus-ca", busCa, certificate, isCertificate),
    ...findProblem("bus-credentials", busCredentials, credentials, (text) => CREDENTIALS.test(text)),
  ];
}

/** What stands in the file is not repeated: it may be a secret. */
function findProblem(
  option: string,
  path: string | undefined,
  wanted: string,
  isSound: (text: string) => boolean,
): string[] {
  if (path === undefined) return [];
  try {
    return isSound(readFileSync(path, "utf8"))
      ? []
      : [`${option}: expected ${wanted}, got something else in ${path}`];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [`${option}: expected ${wanted}, got ${path}, which cannot be read (${code ?? message})`];
  }
}

function isCertificate(text: string): boolean {
  const certificates = text.match(CERTIFICATE) ?? [];
  return certificates.length > 0 && certificates.every((one) => isReadable(one));
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
