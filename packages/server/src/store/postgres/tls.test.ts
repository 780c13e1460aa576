/** That the database is believed by its certificate only, wherever one is asked for. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PostgresServer, testCertificate, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { DEFAULT_TIMES } from "./address.ts";
import { Connection } from "./connection.ts";

setDefaultTimeout(60_000);

/** Of nobody here: another name's, its own issuer. */
const STRANGER = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUKgAwIBAgIUUAS/gT0iwio35kWHIKf7W2yr56AwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQRHVvbG9ndWUncyB0ZXN0czAeFw0yNjExMjQwMzE3NTdaFw0y
NjEyMjQwMzE3NTdaMBsxGTAXBgNVBAMMEER1b2xvZ3VlJ3MgdGVzdHMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAARV4/AeHsDRAtyZ+bZYIz5AMsI6VpQD1jnviOgN
xQZUKQ+faz8OT6r6gvaYlZTGRbqmnPolCvXDqfcVZH60UNAeo2QwYjAdBgNVHQ4E
FgQUyPQ/9Xz6UYLTjaZzPxVRL3LBV6UwHwYDVR0jBBgwFoAUyPQ/9Xz6UYLTjaZz
PxVRL3LBV6UwDwYDVR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqG
SM49BAMCA0gAMEUCIGAE4ce1bBvOakQAhj+r7or5Pfg1B93uLXURcqCGQCtnAiEA
sz+8dIXJ9GeQzDja2ZSaUR3i6pLer6vPPYw7dCFWMmY=
-----END CERTIFICATE-----
`;

const HERE = "127.0.0.1";
/** The same server, under a name that its certificate does not bear. */
const THERE = "127.0.0.2";

let directory = "";
let server: PostgresServer | undefined;

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "duologue-tls-"));
  server = await PostgresServer.start({ tls: testCertificate, host: `${HERE},${THERE}` });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

function urlAt(host: string, mode = ""): string {
  return `postgres://postgres@${host}:${server?.port}/postgres${mode}`;
}

/** Whether the connection is encrypted, or why there is none. */
async function enter(url: string, ca: string | undefined): Promise<unknown> {
  const options = { address: { url, ca }, times: DEFAULT_TIMES, clock: systemClock, name: "test" };
  try {
    const connection = await Connection.open(options);
    const [row] = await connection.ask<{ ssl: boolean }>(
      "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    );
    connection.close();
    return row?.ssl;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

const NO_TLS = "ERR_POSTGRES_TLS_NOT_AVAILABLE";

test("nothing goes to a server that knows no TLS where a certificate is asked for", async () => {
  const own = file("ca.pem", testCertificate.certificate);
  for (const mode of ["", "?sslmode=disable", "?sslmode=prefer"])
    expect([mode, await enter(urlAt(HERE, mode), own)]).toEqual([mode, NO_TLS]);
  expect(await enter(urlAt(HERE, "?sslmode=verify-full"), undefined)).toBe(NO_TLS);
});

test("with --store-ca the line is encrypted, and nobody else's certificate is believed, whatever the address says", async () => {
  const own = file("ca.pem", testCertificate.certificate);
  const strange = file("strange.pem", STRANGER);
  const client = new Bun.SQL({ url: urlAt(HERE), max: 1 });
  await client`ALTER SYSTEM SET ssl = on`;
  await client`SELECT pg_reload_conf()`;
  await client.close({ timeout: 0 });
  await until(async () => (await enter(urlAt(HERE), own)) !== NO_TLS, "the server knows TLS");
  for (const mode of [
    "",
    "?sslmode=disable",
    "?sslmode=prefer",
    "?sslmode=require",
    "?sslmode=verify-full",
  ]) {
    expect([mode, await enter(urlAt(HERE, mode), own)]).toEqual([mode, true]);
    expect([mode, await enter(urlAt(HERE, mode), strange)]).toEqual([mode, "DEPTH_ZERO_SELF_SIGNED_CERT"]);
    expect([mode, await enter(urlAt(THERE, mode), own)]).toEqual([mode, "ERR_TLS_CERT_ALTNAME_INVALID"]);
  }
});

test("without it, sslmode=verify-full believes what the system trusts only", async () => {
  expect(await enter(urlAt(HERE, "?sslmode=verify-full"), undefined)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  expect(await enter(urlAt(HERE), undefined)).toBe(false);
});
