/** How the primary lives with its store: it asks once a second whether all is well, tells the workers, and acts when that changes. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Hub } from "../primary/hub.ts";
import type { StoreHealth } from "../store/index.ts";
import { OutageLog } from "./outage-log.ts";

const SECOND_MS = 1_000;
/**
 * After the return of a store in a network: the process that served its old connection has been told to end, but one that
 * stood still may have ended a commit before.
 */
const LATE_COMMIT_MS = 5_000;

export interface StoreWatchOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hub: Pick<Hub, "heartbeat" | "recheckPositions">;
  readonly store: { readonly health: StoreHealth; recover(): void };
  /** The data are another server's now: this one must end. */
  readonly end: () => void;
}

export class StoreWatch {
  constructor(private readonly options: StoreWatchOptions) {
    const { clock, log, store } = options;
    const outage = new OutageLog(clock, log);
    clock.every(SECOND_MS, () => {
      store.recover();
      outage.look(store.health);
      this.sendHeartbeat();
    });
  }

  /** To be called when the kind of the store's health changes. */
  changed(health: StoreHealth): void {
    const { clock, log, hub, end } = this.options;
    this.sendHeartbeat();
    switch (health.kind) {
      case "well":
        log.info("the store takes messages again");
        // What was being committed when it went may stand there, and nobody was told of it.
        hub.recheckPositions();
        clock.after(LATE_COMMIT_MS, () => hub.recheckPositions());
        break;
      case "full":
      case "failed":
        log.error(
          { problem: health.problem },
          "not ready: the store takes no messages until it can keep them",
        );
        break;
      case "damaged":
        log.error(
          { problem: health.problem },
          "the store is damaged and takes no messages: stop the server, run `duologue doctor`, restore a back-up",
        );
        break;
      case "moved":
        log.error(
          { problem: health.problem },
          "the store's file is not under its name any more, and nothing is taken: see docs/operation.md before you stop the server, which is the end of a removed file",
        );
        break;
      case "fenced":
        log.error({ problem: health.problem }, "this server ends: its data directory is another one's now");
        end();
        break;
      default:
        health satisfies never;
    }
  }

  private sendHeartbeat(): void {
    const { hub, store } = this.options;
    hub.heartbeat({ storeWell: store.health.kind === "well" });
  }
}
