/**
 * A network of its own for each part of a cluster: a namespace per host, joined by a bridge in one more. Nothing of it is
 * seen from outside, and it reaches nothing outside, so the addresses can collide with nobody's.
 *
 * What breaks it is iptables inside the namespaces. The kernel's netem is not needed; who wants packets to be late puts a
 * relay in between (slow-path.ts).
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { killQuietly } from "@duologue/testing";

export interface Host {
  readonly name: string;
  readonly address: string;
  /** To be put before the words of a command that is to run there, which keeps its process id. */
  readonly prefix: readonly string[];
}

/** Undone by `[Symbol.dispose]`, any number of times. */
export interface Change extends Disposable {}

const NAMESPACES = "/run/netns";
/** Each takes some milliseconds. */
const KILL_TRIES = 500;
const NAME = /^duologue-(\d+)-(\d+)-/;

/** Undefined when this machine can do it, or a line that says what is missing. */
export function whyNoNetwork(): string | undefined {
  const missing = ["ip", "iptables", "nsenter", "nats-server"].filter((tool) => Bun.which(tool) === null);
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (missing.length > 0)
    return `missing: ${missing.join(", ")} (Debian's packages iproute2, iptables, util-linux, nats-server)`;
  return undefined;
}

export class Network implements Disposable {
  /** Names the network to another process of this machine: see `join`. */
  readonly id: string;
  readonly hosts: readonly Host[];
  readonly #isOwner: boolean;

  private constructor(id: string, names: readonly string[], isOwner: boolean) {
    this.id = id;
    this.#isOwner = isOwner;
    this.hosts = names.map((name, index) => ({
      name,
      address: `10.213.0.${index + 1}`,
      prefix: ["nsenter", `--net=${NAMESPACES}/${this.#namespace(name)}`, "--"],
    }));
  }

  /** Belongs to this process: what a crash leaves of it is cleared away when the next one is laid. */
  static lay(names: readonly string[]): Network {
    sweep();
    const network = new Network(`${process.pid}-${startOf(process.pid)}`, names, true);
    try {
      network.#lay();
    } catch (error) {
      network[Symbol.dispose]();
      throw error;
    }
    return network;
  }

  /** One that another process owns, with the names of the hosts as they were given to it. */
  static join(id: string, names: readonly string[]): Network {
    return new Network(id, names, false);
  }

  host(name: string): Host {
    const host = this.hosts.find((one) => one.name === name);
    if (host === undefined) throw new RangeError(`there is no host ${name}`);
    return host;
  }

  /** Processes that run there, by id. */
  processes(name: string): number[] {
    return processesIn(this.#namespace(name));
  }

  /** Of the packets from one host to another, this share is lost: silently, and that way only. */
  lose(from: string, to: string, share = 1): Change {
    const chance = share >= 1 ? [] : ["-m", "statistic", "--mode", "random", "--probability", String(share)];
    // Where it arrives: the sender must not be told, and a packet dropped on its way out is told.
    return this.#rule(to, [], ["INPUT", "-s", this.host(from).address, ...chance, "-j", "DROP"]);
  }

  /** As `lose`, both ways. */
  part(one: string, other: string, share = 1): Change {
    return together([this.lose(one, other, share), this.lose(other, one, share)]);
  }

  /**
   * New connections of `from` to a port of `to` are led to another port, which this process listens on; those that are open
   * are reset.
   */
  detour(from: string, to: string, port: number, through: { host: string; port: number }): Change {
    const { address } = this.host(to);
    const target = ["-p", "tcp", "-d", address, "--dport", String(port)];
    const by = `${this.host(through.host).address}:${through.port}`;
    return together([
      this.#rule(from, ["-t", "nat"], ["OUTPUT", ...target, "-j", "DNAT", "--to-destination", by]),
      // What has been led away has another address by the time it comes here.
      this.#rule(from, [], ["OUTPUT", ...target, "-j", "REJECT", "--reject-with", "tcp-reset"]),
    ]);
  }

  /** Ends every process in it, and removes it. For who has joined it only: nothing. */
  [Symbol.dispose](): void {
    if (!this.#isOwner) return;
    for (const name of namespaces()) if (name.startsWith(`duologue-${this.id}-`)) remove(name);
  }

  #namespace(host: string): string {
    return `duologue-${this.id}-${host}`;
  }

  #lay(): void {
    const bridge = this.#namespace("bridge");
    ip("netns", "add", bridge);
    ip("-n", bridge, "link", "add", "bridge", "type", "bridge");
    ip("-n", bridge, "link", "set", "bridge", "up");
    for (const [index, { name, address }] of this.hosts.entries()) {
      const here = this.#namespace(name);
      ip("netns", "add", here);
      ip("-n", bridge, "link", "add", `port${index}`, "type", "veth", "peer", "name", "eth0", "netns", here);
      ip("-n", bridge, "link", "set", `port${index}`, "master", "bridge", "up");
      ip("-n", here, "addr", "add", `${address}/24`, "dev", "eth0");
      for (const device of ["lo", "eth0"]) ip("-n", here, "link", "set", device, "up");
    }
  }

  #rule(host: string, table: readonly string[], rule: readonly string[]): Change {
    const { prefix } = this.host(host);
    const set = (verb: "-A" | "-D"): void => {
      run([...prefix, "iptables", "-w", ...table, verb, ...rule]);
    };
    set("-A");
    let isSet = true;
    return {
      [Symbol.dispose]: () => {
        if (isSet) set("-D");
        isSet = false;
      },
    };
  }
}

export function together(changes: readonly Change[]): Change {
  return {
    [Symbol.dispose]: () => {
      for (const change of changes) change[Symbol.dispose]();
    },
  };
}

/** Whether a name is that of something which a process left when it crashed. */
export function isAbandoned(name: string): boolean {
  const [, pid, startedAt] = NAME.exec(name) ?? [];
  return pid !== undefined && startOf(Number(pid)) !== startedAt;
}

function sweep(): void {
  for (const name of namespaces()) if (isAbandoned(name)) remove(name);
}

function remove(namespace: string): void {
  // One that was killed may have started another meanwhile, and takes a moment to end.
  for (let tries = 0; tries < KILL_TRIES; tries += 1) {
    const pids = processesIn(namespace);
    if (pids.length === 0) break;
    for (const pid of pids) killQuietly(pid);
  }
  ip("netns", "delete", namespace);
  rmSync(`${NAMESPACES}/${namespace}`, { force: true });
}

function namespaces(): string[] {
  try {
    return readdirSync(NAMESPACES).filter((name) => NAME.test(name));
  } catch {
    return [];
  }
}

function processesIn(namespace: string): number[] {
  return run(["ip", "netns", "pids", namespace]).split("\n").filter(Boolean).map(Number);
}

/** When a process was started, in the kernel's ticks, so that a number given anew is told apart; empty when it has ended. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function ip(...words: string[]): void {
  run(["ip", ...words]);
}

function run(command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString().trim()}`);
  return stdout.toString();
}
