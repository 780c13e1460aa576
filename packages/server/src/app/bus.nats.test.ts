import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NatsServer, testCertificate } from "@duologue/testing";
import { freshDirectory } from "../../test/harness/directories.ts";
import { systemClock } from "../clock.ts";
import { createLogger } from "../log.ts";
import { openBus } from "./bus.ts";

setDefaultTimeout(30_000);

const lines: string[] = [];
const log = createLogger({
  level: "debug",
  format: "json",
  name: "test",
  destination: { write: (line) => lines.push(line) },
});

interface Wishes {
  readonly url: string;
  readonly busCredentials?: string;
  readonly busCa?: string;
}

async function open({ url, busCredentials, busCa }: Wishes, realm = "realm") {
  const bus = { kind: "nats", urls: [url] } as const;
  return await openBus({ bus, busCredentials, busCa }, realm, systemClock, log);
}

async function problemOf(wishes: Wishes): Promise<string> {
  return await open(wishes).then(
    () => "it was opened",
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

describe("the bus of the configuration", () => {
  test("is none where there is one machine", async () => {
    const options = { bus: { kind: "local" }, busCredentials: undefined, busCa: undefined } as const;
    expect(await openBus(options, "realm", systemClock, log)).toBeUndefined();
  });

  test("is entered with the files that it names; two realms do not hear each other; no secret is logged", async () => {
    const ca = join(freshDirectory(), "ca.pem");
    writeFileSync(ca, testCertificate.certificate);
    await using server = await NatsServer.start({
      configuration: 'authorization { token: "s3cret" }\ntls { cert_file: "cert.pem", key_file: "key.pem" }',
      files: { "cert.pem": testCertificate.certificate, "key.pem": testCertificate.key },
    });
    const url = server.url.replace("nats://", "tls://s3cret@");
    const [one, same, other] = [
      await open({ url, busCa: ca }, "one"),
      await open({ url, busCa: ca }, "one"),
      await open({ url, busCa: ca }, "other"),
    ];
    one?.subscribe("u.ann", (_, answer) => answer?.("heard"));
    await one?.settle(5_000);
    expect(await same?.request("u.ann", "?", 5_000)).toEqual({ kind: "answered", payload: "heard" });
    expect(await other?.request("u.ann", "?", 5_000)).toEqual({ kind: "nobody" });
    for (const link of [one, same, other]) link?.close();
    expect(await problemOf({ url: url.replace("s3cret", "other-s3cret"), busCa: ca })).toMatch(
      /^StartError: The bus tls:\/\/127\.0\.0\.1:\d+ refuses the credentials .*\.$/,
    );
    expect(lines.join()).not.toContain("s3cret");
  });

  test("a file that cannot be read is named", async () => {
    const file = join(freshDirectory(), "not-there");
    const url = "nats://127.0.0.1:1";
    expect(await problemOf({ url, busCredentials: file })).toBe(
      `StartError: bus-credentials: ${file} cannot be read (ENOENT).`,
    );
    expect(await problemOf({ url, busCa: file })).toBe(
      `StartError: bus-ca: ${file} cannot be read (ENOENT).`,
    );
  });

  test("one that is not there is one line", async () => {
    expect(await problemOf({ url: "nats://user:s3cret@127.0.0.1:1" })).toBe(
      "StartError: The bus nats://127.0.0.1:1 cannot be entered: connection refused.",
    );
  });
});
