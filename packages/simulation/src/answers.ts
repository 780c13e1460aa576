/**
 * Judges how long answers take. While nothing is wrong, and the connection stands, every message and every request is
 * answered within moments: one that is not has gone astray, though the client's repeat may make it good much later.
 */
import type { Wire } from "./wire.ts";
import type { World } from "./world.ts";

/** Of calm; a login that has to wait for the store to come back is no part of it. */
const ANSWER_MS = 5_000;
/** A message has an id, a request a number; nothing else is answered by name. */
const UP = /^\{"type":"(?!hello)([a-z-]+)".*?"(id|ref)":("[^"]+"|\d+)/;
const DOWN =
  /^\{"type":"(?:ack|error|users|conversation|conversations|history|changes|renamed|presence|pong)".*?"(id|ref)":("[^"]+"|\d+)/;

interface Asked {
  readonly what: string;
  readonly atMs: number;
  readonly calmMs: number;
}

export class Answers {
  readonly #world: World;
  readonly #open = new Map<Wire, Map<string, Asked>>();

  constructor(world: World) {
    this.#world = world;
  }

  sent(wire: Wire, text: string): void {
    const found = UP.exec(text);
    if (found === null) return;
    const [, what = "", name, value] = found;
    const asked = this.#open.get(wire) ?? new Map<string, Asked>();
    const key = `${name} ${value}`;
    // A repeat does not begin the waiting anew.
    if (!asked.has(key))
      asked.set(key, {
        what: `${what} ${value}`,
        atMs: this.#world.schedule.nowMs,
        calmMs: this.#world.calm.totalMs,
      });
    this.#open.set(wire, asked);
  }

  received(wire: Wire, text: string): void {
    const found = DOWN.exec(text);
    if (found !== null) this.#open.get(wire)?.delete(`${found[1]} ${found[2]}`);
  }

  /** To be called now and then. */
  look(): void {
    const { calm, schedule } = this.#world;
    for (const [wire, asked] of this.#open) {
      if (!wire.mayPass) {
        this.#open.delete(wire);
        continue;
      }
      for (const [key, { what, atMs, calmMs }] of asked) {
        if (calm.totalMs - calmMs < ANSWER_MS) continue;
        asked.delete(key);
        const waitedMs = (schedule.nowMs - atMs).toFixed(0);
        this.#world.violate(
          `${wire.client.name} has waited ${waitedMs} ms for the answer to ${what}, and nothing was in the way`,
        );
      }
    }
  }
}
