/** Who logs in, and by which token: a given one, the server's, or those that the site gives on request. */
import type { ServerFrameOf } from "@duologue/protocol";
import type { ConnectOptions } from "./client-types.ts";
import type { ServerError } from "./errors.ts";
import { TOKENS_IN_A_ROW, TOKENS_KNOWN } from "./limits.ts";
import { endsToken, type StopReason } from "./policy.ts";
import type { Requests } from "./requests.ts";

type SessionOptions = Pick<ConnectOptions, "nickname" | "token" | "getToken" | "onToken">;

export class Session {
  readonly #options: SessionOptions;
  #token: string | undefined;
  #nickname: string | undefined;
  /** Tokens of this person, the youngest last: those that other tabs may come with. */
  readonly #known = new Set<string>();
  #fetching: Promise<void> | undefined;
  /** Tokens asked for since one was good. */
  #asked = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#token = options.token;
    if (options.token !== undefined) this.#known.add(options.token);
    this.#nickname = options.nickname;
  }

  get token(): string | undefined {
    return this.#token;
  }

  /** Before a login; undefined when there is nothing to wait for. Rejects when the site gives no token now. */
  prepare(): Promise<void> | undefined {
    const { getToken } = this.#options;
    if (getToken === undefined || this.#token !== undefined) return undefined;
    this.#fetching ??= this.#fetch(getToken);
    return this.#fetching;
  }

  hello(): { token?: string; nickname?: string } {
    return {
      ...(this.#token === undefined ? {} : { token: this.#token }),
      ...(this.#nickname === undefined ? {} : { nickname: this.#nickname }),
    };
  }

  /** This person's tokens, as far as they tell who it is: those that a site gives are new each time. */
  get known(): readonly string[] {
    return this.#options.getToken === undefined ? [...this.#known] : [];
  }

  knows(tokens: readonly string[]): boolean {
    if (this.#options.getToken !== undefined) return tokens.length === 0;
    return tokens.some((token) => this.#known.has(token));
  }

  /** Nobody was logged in here before. */
  get isNewcomer(): boolean {
    return this.#token === undefined && this.#options.getToken === undefined;
  }

  welcomed(token: string): void {
    this.#asked = 0;
    // Said once: with the token it would rename the user at every return, undoing a later rename.
    this.#nickname = undefined;
    this.#keep(token);
  }

  /** After the server's final word: whether to try again at once, with another token. */
  renew(reason: StopReason, error: ServerError | undefined): boolean {
    const expired = reason === "session_expired" || error?.code === "token_expired";
    const worthless = expired || error?.code === "token_invalid";
    if (this.#options.getToken === undefined || !worthless || this.#asked >= TOKENS_IN_A_ROW) return false;
    this.#token = undefined;
    return true;
  }

  stopped(reason: StopReason, error: ServerError | undefined): void {
    const ended = reason === "logged_out" || reason === "session_expired";
    if (ended || (error !== undefined && endsToken(error.code))) this.#keep(undefined);
    // Whoever starts it again has done something about it.
    this.#asked = 0;
  }

  /**
   * The token ends soon (SPEC HT5): hands over the next one. When that fails, the server closes the connection at the
   * end of the token, and the next login asks again.
   */
  async expiring(requests: Requests): Promise<ServerFrameOf<"token-accepted"> | undefined> {
    const { getToken } = this.#options;
    if (getToken === undefined) return undefined;
    try {
      const token = await getToken();
      const accepted = await requests.promise<"token">({ type: "token", token });
      this.#keep(token);
      return accepted;
    } catch {
      return undefined;
    }
  }

  async #fetch(getToken: () => Promise<string>): Promise<void> {
    this.#asked += 1;
    try {
      this.#token = await getToken();
    } finally {
      this.#fetching = undefined;
    }
  }

  #keep(token: string | undefined): void {
    if (token !== undefined) this.#known.add(token);
    const [oldest] = this.#known;
    if (this.#known.size > TOKENS_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    if (token === this.#token) return;
    this.#token = token;
    this.#options.onToken?.(token);
  }
}
