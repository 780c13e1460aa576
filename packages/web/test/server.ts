/** The real server as a process of its own: the page's tests know it by its address alone. */
import { join } from "node:path";

const MAIN = join(import.meta.dir, "../../server/src/main.ts");

export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;

  private constructor(child: Bun.Subprocess<"ignore", "pipe", "inherit">, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Resolves when the server has said where it listens. Port 0: any free one. */
  static async start(dataDirectory: string, port = 0): Promise<ServerProcess> {
    const words = [
      "serve",
      "--host",
      "127.0.0.1",
      "--port",
      `${port}`,
      "--workers",
      "2",
      "--data",
      dataDirectory,
    ];
    const child = Bun.spawn([process.execPath, MAIN, ...words], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
      cwd: dataDirectory,
    });
    const found = await findPort(child.stdout);
    if (found !== undefined) return new ServerProcess(child, found);
    child.kill();
    throw new RangeError(`the server ended with ${await child.exited} and named no port`);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
  }
}

/** Reads on to the end in the background, so that the server never waits for somebody to read what it says. */
async function findPort(output: ReadableStream<Uint8Array>): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const read = async (): Promise<void> => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      text += decoder.decode(chunk, { stream: true });
      const port = /https?:\/\/[^\s/]+:(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    }
    resolve(undefined);
  };
  void read();
  return await promise;
}
