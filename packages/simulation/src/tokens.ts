/** The server's own tokens; the runtime signs and verifies in threads of its own, whose moment must not matter. */
import { type Clock, type TokenCheck, Tokens } from "duologue";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

export class OrderedTokens extends Tokens {
  readonly #world: World;
  readonly #life: Life;

  constructor(world: World, life: Life, secret: string, issuer: string, clock: Clock) {
    super(secret, issuer, clock);
    this.#world = world;
    this.#life = life;
  }

  override sign(claims: Parameters<Tokens["sign"]>[0]): Promise<string> {
    return this.#world.hold(this.#life, "a token is signed", super.sign(claims));
  }

  override verify(token: string): Promise<TokenCheck> {
    return this.#world.hold(this.#life, "a token is verified", super.verify(token));
  }
}
