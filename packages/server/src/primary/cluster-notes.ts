/**
 * Notes on a node of a cluster: other nodes are told through the bus, and what comes for a user from here and from there
 * is put in the order of their chain of changes.
 */
import type { Clock } from "../clock.ts";
import type { Note, RelayNote } from "../ports/bus.ts";
import type { Appended, Position, UserId } from "../ports/store.ts";
import type { Federation } from "./federation.ts";
import { type LocalWorkers, type Notes, OFFLINE } from "./notes.ts";
import { PositionDoubts } from "./position-doubts.ts";

const NOBODY: LocalWorkers = {
  send: () => false,
  isHeld: () => false,
  recheckAll: () => undefined,
  recheck: () => undefined,
};

export class ClusterNotes implements Notes {
  private workers = NOBODY;
  private readonly doubts: PositionDoubts;

  constructor(
    clock: Clock,
    private readonly federation: Federation,
  ) {
    this.doubts = new PositionDoubts(clock, federation.order, (users) => this.workers.recheck(users));
  }

  begin(workers: LocalWorkers): void {
    this.workers = workers;
    this.federation.begin({
      deliver: (user, note) => this.deliverTo(user, note),
      checkAll: () => workers.recheckAll(),
    });
  }

  publish(to: readonly UserId[], note: Note): void {
    const isTaken = this.deliver(to, note);
    // These two go to one place: a classic user has one connection.
    if (isTaken && (note.kind === "relay" || note.kind === "failure")) return;
    if (note.kind === "relay") void this.relay(to, note);
    else for (const user of to) this.federation.publish(user, note);
  }

  acknowledge(sender: UserId, { position, prev, duplicate }: Appended, send: () => void): void {
    // A repeat is no step of the chain.
    if (duplicate) send();
    else this.federation.order.pass(sender, prev, position, send);
  }

  async hold<T>(user: UserId, outcome: T | Promise<T>): Promise<T> {
    const known = await outcome;
    // The worker may have died while other nodes were asked.
    if (this.workers.isHeld(user)) await this.federation.hold(user);
    return known;
  }

  left(user: UserId): void {
    this.federation.release(user);
  }

  workerGone(): void {
    this.federation.releaseUnless((user) => this.workers.isHeld(user));
  }

  recheckPositions(): void {
    this.workers.recheckAll();
    this.federation.recheckPositions();
  }

  onPosition(user: UserId, position: Position): void {
    this.doubts.answer(user, position);
  }

  private async relay([to = ""]: readonly UserId[], note: RelayNote): Promise<void> {
    if (!(await this.federation.relay(to, note))) this.publish([note.from], OFFLINE);
  }

  /** To the workers here: in one line where it is the next step of all these users. False: nobody holds one of them. */
  private deliver(to: readonly UserId[], note: Note): boolean {
    if (!("prev" in note)) return this.workers.send(to, note);
    const { order } = this.federation;
    const { prev, position } = note;
    const isNext = (user: UserId): boolean =>
      order.isNext(user, prev[user] ?? 0) && !order.isPast(user, position);
    if (!to.every(isNext)) return to.map((user) => this.deliverTo(user, note)).includes(true);
    if (!this.workers.send(to, note)) return false;
    // After it: what waited for it follows.
    for (const user of to) order.pass(user, prev[user] ?? 0, position, () => undefined);
    return true;
  }

  /** In order with what else comes for this user. False: nobody holds them. */
  private deliverTo(user: UserId, note: Note): boolean {
    if (!this.workers.isHeld(user)) return false;
    const { order } = this.federation;
    if ("position" in note && order.isPast(user, note.position)) {
      this.doubts.add(user);
      // Markers go forward only; who has seen a later change without this one notices, and asks for what stands.
      if (note.kind === "markers") return true;
    }
    const send = (): void => void this.workers.send([user], note);
    if ("prev" in note) order.pass(user, note.prev[user] ?? 0, note.position, send);
    else send();
    return true;
  }
}
