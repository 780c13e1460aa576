/** A real nats-server in its own process, on a port of its own. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./inbox.ts";

export interface NatsServerOptions {
  /** Further lines of its configuration file, e.g. `authorization { token: "…" }`. */
  readonly configuration?: string;
  /** Files that the configuration names, by their names. */
  readonly files?: Readonly<Record<string, string>>;
  /** The address it listens on; 127.0.0.1 unless said. */
  readonly host?: string;
  /** Words before the command, e.g. to run it in a network of its own; they must lead to the same process. */
  readonly prefix?: readonly string[];
}

const PLACES = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server"];

function findBinary(): string {
  const found = Bun.which("nats-server") ?? PLACES.find((path) => existsSync(path));
  if (found === undefined)
    throw new Error("nats-server is missing: install it (Debian: apt-get install nats-server)");
  return found;
}

/** A port that nobody listens on. */
function findPort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

export class NatsServer implements AsyncDisposable {
  readonly port: number = findPort();
  readonly directory: string = mkdtempSync(join(tmpdir(), "duologue-nats-"));
  #child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;

  private constructor(
    private readonly configuration: string,
    private readonly host: string,
    private readonly prefix: readonly string[],
  ) {}

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const { configuration = "", files = {}, host = "127.0.0.1", prefix = [] } = options;
    const server = new NatsServer(configuration, host, prefix);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(server.directory, name), text);
    try {
      await server.start();
      return server;
    } catch (reason) {
      await server[Symbol.asyncDispose]();
      throw reason;
    }
  }

  get url(): string {
    return `nats://${this.host}:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Again on the same port, after `kill`. */
  async start(): Promise<void> {
    const file = join(this.directory, "nats.conf");
    writeFileSync(file, `host: ${this.host}\nport: ${this.port}\n${this.configuration}\n`);
    const child = Bun.spawn([...this.prefix, findBinary(), "-c", file], {
      cwd: this.directory,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#child = child;
    const said = new Response(child.stderr).text();
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`nats-server ended at once: ${await said}`);
      return await isListening(this.host, this.port);
    }, "nats-server listens");
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#child?.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function isListening(hostname: string, port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname, port, socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
