/** The Unix socket between the primary and a worker: bytes in order, in pieces of any size, until one side is gone. */
import { type ByteSocket, LineConnection, type LineReceiver, linkLimits } from "duologue";
import type { SimulatedClock } from "./clocks.ts";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

/** A process as the stream sees it. */
export interface StreamSide {
  readonly life: Life;
  readonly clock: SimulatedClock;
}

export class Stream {
  readonly #ends: readonly [StreamEnd, StreamEnd];

  constructor(world: World, one: StreamSide, other: StreamSide) {
    const first = new StreamEnd(world, one, () => second);
    const second = new StreamEnd(world, other, () => first);
    this.#ends = [first, second];
  }

  /** The two ends, in the order of the constructor's sides. */
  get connections(): readonly [LineConnection, LineConnection] {
    const [first, second] = this.#ends;
    return [first.connection, second.connection];
  }

  /** Both sides find it broken; what was on its way is lost. */
  cut(): void {
    for (const end of this.#ends) end.lose();
    for (const end of this.#ends) end.hearEnd();
  }

  /** One of the two processes is gone; what it wrote still arrives. */
  endOf(life: Life): void {
    for (const end of this.#ends) if (end.life === life) end.end();
  }
}

/** What the kernel holds of what the other side has not read yet. The real one takes more, but then needs more to be full. */
const BUFFER_BYTES = 16_384;

const ignore: LineReceiver = { onLine: () => undefined, onClose: () => undefined };

class StreamEnd implements ByteSocket {
  readonly connection: LineConnection;
  readonly life: Life;
  readonly #world: World;
  readonly #peer: () => StreamEnd;
  /** When the last thing that was written arrives: nothing overtakes. */
  #arrivesAtMs = 0;
  #unreadBytes = 0;
  /** The last write was not taken as a whole. */
  #isFull = false;
  #isEnded = false;
  #isLost = false;

  constructor(world: World, { life, clock }: StreamSide, peer: () => StreamEnd) {
    this.#world = world;
    this.life = life;
    this.#peer = peer;
    this.connection = new LineConnection(this, clock, linkLimits, ignore);
  }

  write(bytes: Buffer): number {
    if (this.#isEnded || this.life.isOver) return -1;
    const room = Math.min(bytes.length, BUFFER_BYTES - this.#unreadBytes);
    const isPartial = room > 1 && this.#world.faults.strikes("partialWrite");
    const taken = isPartial ? 1 + this.#world.random.below(room - 1) : room;
    this.#isFull = taken < bytes.length;
    if (isPartial) this.#drainLater();
    if (taken === 0) return 0;
    const chunk = Buffer.from(bytes.subarray(0, taken));
    this.#unreadBytes += taken;
    const peer = this.#peer();
    this.#later(peer, `link: ${taken} bytes`, () => {
      this.#unreadBytes -= taken;
      if (this.#isFull) this.#drainLater();
      peer.connection.receive(chunk);
    });
    return taken;
  }

  #drainLater(): void {
    this.#world.schedule.after(this.#world.momentMs(), this.life, "link: room again", () => {
      if (!this.#isFull) return;
      this.#isFull = false;
      this.connection.write();
    });
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const peer = this.#peer();
    this.#later(peer, "link: end", () => peer.connection.close("the other side closed the connection"));
  }

  lose(): void {
    this.#isLost = true;
  }

  hearEnd(): void {
    this.#isEnded = true;
    this.#world.schedule.after(this.#world.latencyMs(), this.life, "link: broken", () =>
      this.connection.close("the link broke"),
    );
  }

  #later(peer: StreamEnd, what: string, run: () => void): void {
    const { schedule } = this.#world;
    this.#arrivesAtMs = Math.max(this.#arrivesAtMs, schedule.nowMs + this.#world.latencyMs());
    schedule.at(this.#arrivesAtMs, peer.life, what, () => {
      if (!this.#isLost) run();
    });
  }
}
