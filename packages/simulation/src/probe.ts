/**
 * A client that sends an id again which the server has, over a connection of its own, to whichever worker takes it: with
 * the same content the answer is the first one's number, with another `id_conflict` (SPEC CV6, CV7).
 */
import type { OutboxFrame } from "@duologue/client";
import { encodeFrame, PROTOCOL_VERSION, type ServerFrame } from "@duologue/protocol";
import type { SeededRandom } from "@duologue/testing";
import { nameOfProbe, type Probe, probes } from "./coverage.ts";
import type { Device } from "./device.ts";
import { Life } from "./schedule.ts";
import type { Stage } from "./stage.ts";
import { type Observer, Wire } from "./wire.ts";

/** Then it gives up: a fault was in the way. */
const PATIENCE_MS = 8_000;

export class Prober {
  readonly #stage: Stage;
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Probes one of the user's messages, if there is one that can be probed so; resolves to how it went. */
  async probe(
    device: Device,
    random: SeededRandom,
    probe: Probe = random.pick(probes),
  ): Promise<"right" | "wrong" | "unknown"> {
    const { witness, world } = this.#stage;
    const known = [...witness.sent.values()].filter(
      ({ user, frame }) => user === device.user && witness.placeOf(frame.id) !== undefined,
    );
    const chosen = known.length === 0 ? undefined : random.pick(known).frame;
    const frame = chosen && this.#alter(chosen, probe, device.user);
    if (frame === undefined) return "unknown";
    const answer = await this.#ask(device, frame, random);
    const problem = answer && this.#judge(answer, frame.id, probe);
    if (answer === undefined || problem === "refused for the moment") return "unknown";
    if (problem !== undefined) world.violate(`${frame.id} was sent again with ${probe}, and ${problem}`);
    else world.coverage.count(nameOfProbe(probe));
    return problem === undefined ? "right" : "wrong";
  }

  #alter(frame: OutboxFrame, probe: Probe, user: string): OutboxFrame | undefined {
    const { witness, conversations } = this.#stage;
    const { id, conversation } = frame;
    switch (probe) {
      case "the same":
        return frame;
      case "another text":
        return frame.type === "retract" ? undefined : { ...frame, body: { kind: "text", text: "another" } };
      case "another kind":
        return frame.type === "retract"
          ? { type: "send", id, conversation, body: { kind: "text", text: "another" } }
          : { type: "retract", id, conversation, target: witness.placeOf(id)?.seq ?? 1 };
      case "another conversation": {
        const other = [...conversations].find(
          ([known, users]) => known !== conversation && users.includes(user),
        );
        return other && { ...frame, conversation: other[0] };
      }
      default:
        return probe satisfies never;
    }
  }

  #judge(answer: ServerFrame, id: string, probe: Probe): string | undefined {
    if (answer.type === "error") {
      if (answer.retryable) return "refused for the moment";
      return answer.code === "id_conflict" && probe !== "the same" ? undefined : `refused: ${answer.code}`;
    }
    if (answer.type !== "ack" || answer.duplicate !== true) return "taken for new";
    if (probe === "the same") return undefined;
    // The text of a retracted message is gone, so nothing can be compared.
    if (probe !== "another text") return "taken for the same";
    this.#stage.witness.retractedClaims.add(id);
    return undefined;
  }

  /** Undefined when no answer came. */
  #ask(device: Device, frame: OutboxFrame, random: SeededRandom): Promise<ServerFrame | undefined> {
    const { world, witness, surroundings, wires } = this.#stage;
    const { promise, resolve } = Promise.withResolvers<ServerFrame | undefined>();
    this.#count += 1;
    const life = new Life(`${device.options.name}.probe-${this.#count}`);
    const observer: Observer = {
      sent: () => undefined,
      received: (wire, text, isFirst) => {
        const got = witness.receive({ user: device.user, name: life.name, connection: wire }, text, isFirst);
        if (got?.type === "welcome") wire.send(encodeFrame(frame));
        if (got !== undefined && "id" in got && got.id === frame.id && got.type !== "event") resolve(got);
      },
      dealtWith: () => undefined,
    };
    const token = device.token ?? "";
    const events = {
      opened: () => wire.send(encodeFrame({ type: "hello", version: PROTOCOL_VERSION, token })),
      received: () => undefined,
      closed: () => resolve(undefined),
    };
    const wire: Wire = new Wire(world, { life, events, observer }, () => surroundings.findListener(random));
    wires.add(wire);
    world.schedule.after(PATIENCE_MS, life, "gives up", () => resolve(undefined));
    return promise.finally(() => {
      wire.drop();
      life.isOver = true;
    });
  }
}
