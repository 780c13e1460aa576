import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testCertificate } from "@duologue/testing";
import { freshDirectory } from "../../test/harness/directories.ts";
import { findClusterFileProblems } from "./cluster-files.ts";

const CREDENTIALS = `-----BEGIN NATS USER JWT-----
eyJ0eXAi.eyJqdGki.c2ln
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
SUAPLAIN
------END USER NKEY SEED------
`;

function written(text: string): string {
  const path = join(freshDirectory(), "file");
  writeFileSync(path, text);
  return path;
}

function problemsOf(files: { storeCa?: string; busCa?: string; busCredentials?: string }): string[] {
  return findClusterFileProblems({
    storeCa: undefined,
    busCa: undefined,
    busCredentials: undefined,
    ...files,
  });
}

describe("files of a cluster", () => {
  test("that are what they must be, or are not named, are no problem", () => {
    const ca = written(`some words before it\n${testCertificate.certificate}${testCertificate.certificate}`);
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ storeCa: ca, busCa: ca, busCredentials: written(CREDENTIALS) })).toEqual([]);
  });

  test.each([
    ["nothing", ""],
    ["a key", testCertificate.key],
    ["a broken certificate", testCertificate.certificate.replace("MIIB", "MIIC")],
    [
      "a sound certificate and a broken one",
      testCertificate.certificate + testCertificate.certificate.replace("MIIB", "AAAA"),
    ],
  ])("%s is no certificate, and what it holds is not said", (_, text) => {
    const path = written(text);
    expect(problemsOf({ busCa: path, storeCa: path })).toEqual([
      `store-ca: expected a certificate (PEM), got something else in ${path}`,
      `bus-ca: expected a certificate (PEM), got something else in ${path}`,
    ]);
  });

  test("credentials need both parts", () => {
    const path = written(CREDENTIALS.slice(0, CREDENTIALS.indexOf("-----BEGIN USER")));
    expect(problemsOf({ busCredentials: path })).toEqual([
      `bus-credentials: expected a credentials file of NATS (JWT and NKey seed), got something else in ${path}`,
    ]);
  });

  test("that are not there are named with the reason", () => {
    const path = join(freshDirectory(), "not-there");
    expect(problemsOf({ busCa: path })).toEqual([
      `bus-ca: expected a certificate (PEM), got ${path}, which cannot be read (ENOENT)`,
    ]);
  });
});
