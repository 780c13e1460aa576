/**
 * Keeps when people were last there. A leaving is written at once, with whatever else waits. A coming waits a while, so
 * that a storm of logins does not cost a flush in each turn; it is written at all so that a crash, which loses the
 * leavings of everybody online, does not make them as long gone as at their visit before.
 *
 * A leaving is told to everybody at once, and committed a moment later. Who was connected has its time from being told; who
 * asks for the list in between (some milliseconds) gets the time of the coming, and the right one when they ask again.
 * To tell it after the commit would let the lobby wait for the disk, and stand still while the disk fails.
 */
import type { Clock, Timer } from "../clock.ts";
import type { LobbyChange, PresentUser } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";
import type { Submit } from "../store/index.ts";

const COMING_WAIT_MS = 1_000;
/** One costs the writer a few microseconds; others' messages wait meanwhile. */
const PORTION = 500;

export class SeenTimes {
  private waiting = new Map<UserId, number>();
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Pick<Clock, "now" | "after">,
    private readonly submit: Submit,
  ) {}

  onChange({ joined, left }: LobbyChange): void {
    this.note(left);
    this.note(joined);
    if (left.length > 0) this.flush();
    else if (this.waiting.size > 0) this.timer ??= this.clock.after(COMING_WAIT_MS, () => this.flush());
  }

  /** The server stops: these are there until now. */
  endWith(present: readonly PresentUser[]): void {
    this.note(present);
    this.flush();
  }

  private note(users: readonly PresentUser[]): void {
    const at = this.clock.now();
    // Classic visitors are gone for good when they leave.
    for (const { id, kind } of users) if (kind !== "classic") this.waiting.set(id, at);
  }

  private flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const seen = Array.from(this.waiting, ([user, at]) => ({ user, at }));
    this.waiting = new Map();
    for (let start = 0; start < seen.length; start += PORTION) {
      // Refused or lost, it is not tried again: the next coming or leaving says more.
      this.submit({ op: "note-seen", seen: seen.slice(start, start + PORTION) }, () => undefined);
    }
  }
}
