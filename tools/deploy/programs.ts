/** Programs that no npm package brings: where they are, and what they say. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Program → the package of Debian that brings it. */
export const debianPackages = {
  caddy: "caddy",
  kubectl: "kubernetes-client",
  "nats-server": "nats-server",
  nginx: "nginx-light",
  "systemd-analyze": "systemd",
} as const;
export type ProgramName = keyof typeof debianPackages;

export interface Said {
  readonly code: number;
  /** What it wrote, to stdout and to stderr. */
  readonly output: string;
  readonly errors: string;
}

export interface Surroundings {
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export class ProgramMissingError extends Error {
  override readonly name = "ProgramMissingError";
  constructor(program: ProgramName) {
    super(`${program} is missing (Debian: apt-get install ${debianPackages[program]})`);
  }
}

/** None of them has more to do than read a file. */
const TIMEOUT_MS = 60_000;

/** Debian's servers stand in folders that are on the path of root only. */
const FOLDERS: readonly string[] = [
  ...(process.env.PATH ?? "").split(delimiter),
  "/usr/sbin",
  "/usr/local/sbin",
];

export class Programs {
  readonly #folders: readonly string[];

  constructor(folders: readonly string[] = FOLDERS) {
    this.#folders = folders;
  }

  has(program: ProgramName): boolean {
    return this.#find(program) !== undefined;
  }

  /** Throws ProgramMissingError. */
  async run(program: ProgramName, words: readonly string[], surroundings: Surroundings): Promise<Said> {
    const path = this.#find(program);
    if (path === undefined) throw new ProgramMissingError(program);
    return await runCommand([path, ...words], surroundings);
  }

  #find(program: ProgramName): string | undefined {
    return this.#folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  }
}

/** Without the variables of whoever runs it, which some of these programs would read. */
export async function runCommand(
  command: readonly string[],
  { directory, environment = {} }: Surroundings,
): Promise<Said> {
  const child = Bun.spawn([...command], {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: directory, LC_ALL: "C", ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: TIMEOUT_MS,
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output, errors };
}
