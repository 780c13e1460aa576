/** The unit of systemd, the bus and the proxies, as their own programs read them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { testCertificate } from "@duologue/testing";
import type { Said } from "./programs.ts";
import { put, type Stage } from "./stage.ts";

const UNIT = "duologue.service";
/** What a unit needs by default; the machine that checks may not have a systemd of its own. */
const TARGETS = ["basic", "multi-user", "network-online", "shutdown", "sysinit"];
/** Of `systemd-analyze security`, in tenths: 0 is best, 100 worst. Versions of systemd differ by some; 252 says 14. */
const MAX_EXPOSURE = 20;

/** In a root of its own, where the program that the unit starts is a stand-in. */
export async function checkUnit(stage: Stage): Promise<string> {
  const text = readFileSync(join(stage.deploy, "systemd", UNIT), "utf8");
  const path = put(stage, join("etc/systemd/system", UNIT), text);
  for (const target of TARGETS)
    put(stage, `etc/systemd/system/${target}.target`, `[Unit]\nDescription=${target}\n`);
  put(stage, "opt/duologue/node_modules/bun/bin/bun.exe", "#!/bin/sh\n", 0o755);
  const { programs, scratch } = stage;
  const surroundings = { directory: scratch };
  const verified = await programs.run("systemd-analyze", [`--root=${scratch}`, "verify", UNIT], surroundings);
  // It ends with 0 where it ignores a line that it does not know.
  const complaint = `${verified.output}${verified.errors}`;
  if (complaint !== "" || verified.code !== 0) return complaint.replaceAll(scratch, "");
  const rated = await programs.run(
    "systemd-analyze",
    ["security", "--offline=true", `--threshold=${MAX_EXPOSURE}`, "--no-pager", path],
    surroundings,
  );
  return rated.code === 0 ? "" : `${rated.errors}${rated.output.trimEnd().split("\n").at(-1)}`;
}

/** With the variables that stand in nats.env.example, for servers that are joined, and for one alone. */
export async function checkBus({ deploy, scratch, programs }: Stage): Promise<string> {
  const example = readFileSync(join(deploy, "nats/nats.env.example"), "utf8");
  const lines = [...example.matchAll(/^([A-Z_]+)=(?:'(.*)'|(.*))$/gm)];
  const joined = Object.fromEntries(lines.map(([, name, quoted, plain]) => [name, quoted ?? plain ?? ""]));
  const words = ["-t", "-c", join(deploy, "nats/nats.conf")];
  for (const environment of [joined, { ...joined, NATS_ROUTES: "[]" }]) {
    const said = await programs.run("nats-server", words, { directory: scratch, environment });
    if (said.code !== 0) return wordsOf(said);
  }
  return "";
}

/** As part of an `http` block, with a certificate of ours, and sockets instead of ports that somebody may have. */
export async function checkNginx(stage: Stage): Promise<string> {
  const { deploy, scratch, programs } = stage;
  put(stage, "fullchain.pem", testCertificate.certificate);
  put(stage, "privkey.pem", testCertificate.key);
  let sockets = 0;
  const site = readFileSync(join(deploy, "proxy/nginx.conf"), "utf8")
    .replaceAll("/etc/ssl/duologue/", `${scratch}/`)
    .replace(/^(\s*listen )(?:\[::\]:)?\d+/gm, (_, start: string) => {
      sockets += 1;
      return `${start}unix:${scratch}/${sockets}`;
    });
  put(stage, "site.conf", site);
  const folders = ["client_body", "proxy", "fastcgi", "scgi", "uwsgi"];
  const http = [
    ...folders.map((name) => `${name}_temp_path ${scratch}/${name};`),
    "access_log off;",
    `include ${scratch}/site.conf;`,
  ];
  const whole = `pid ${scratch}/pid;\nerror_log stderr;\nevents {}\nhttp {\n${http.join("\n")}\n}\n`;
  const main = put(stage, "nginx.conf", whole);
  const words = ["-t", "-q", "-e", "stderr", "-p", scratch, "-c", main];
  const said = await programs.run("nginx", words, { directory: scratch });
  // What it warns of will be an error of a later version.
  return said.code === 0 && said.errors === "" ? "" : wordsOf(said).replaceAll(scratch, "");
}

/** As it stands, and with the variables that compose.yaml gives it. */
export async function checkCaddy({ deploy, scratch, programs }: Stage): Promise<string> {
  const file = join(deploy, "proxy/Caddyfile");
  const given = { SITE: "chat.example.org", UPSTREAMS: "chat-1:9090 chat-2:9090" };
  const words = ["validate", "--adapter", "caddyfile", "--config", file];
  for (const environment of [{}, given]) {
    const said = await programs.run("caddy", words, { directory: scratch, environment });
    if (said.code !== 0) return withoutNews(said);
  }
  const formatted = await programs.run("caddy", ["fmt", "--diff", file], { directory: scratch });
  const differences = formatted.output.split("\n").filter((line) => /^[+-]/.test(line));
  return differences.length === 0 ? "" : `its form is not that of \`caddy fmt\`:\n${differences.join("\n")}`;
}

function wordsOf({ output, errors, code }: Said): string {
  return `${output}${errors}`.trim() || `ended with ${code}`;
}

/** What goes well it tells too, in lines of JSON. */
function withoutNews(said: Said): string {
  const lines = wordsOf(said).split("\n");
  return lines.filter((line) => !line.startsWith('{"level":"info"')).join("\n");
}
