/** The bus between the workers of one machine: through the primary's hub, by the link. */
import type { PrimaryLink } from "../link/client.ts";
import { decodeEvent, decodeNote, decodeUserEvent, encodeNote, tags } from "../link/messages.ts";
import type { Bus, Note } from "../ports/bus.ts";
import type { UserId } from "../ports/store.ts";

export class LocalBus implements Bus {
  private receive: (to: UserId, note: Note) => void = () => undefined;

  /**
   * `isOnlyHere`: the user has their one connection in this worker (classic users). What goes to them need not leave
   * the process; it is delivered through the same door as everything else.
   */
  constructor(
    private readonly link: PrimaryLink,
    private readonly isOnlyHere: (user: UserId) => boolean,
  ) {
    link.on(tags.event, (line) => {
      const note = decodeEvent(line);
      for (const user in note.prev) this.receive(user, note);
    });
    link.on(tags.userEvent, (line) => {
      const { to, note } = decodeUserEvent(line);
      this.receive(to, note);
    });
    link.on(tags.note, (line) => {
      const { to, note } = decodeNote(line);
      for (const user of to) this.receive(user, note);
    });
  }

  onNote(receive: (to: UserId, note: Note) => void): void {
    this.receive = receive;
  }

  publish(to: readonly UserId[], note: Note): void {
    const [only] = to;
    if (to.length === 1 && only !== undefined && this.isOnlyHere(only)) {
      this.receive(only, note);
      return;
    }
    this.link.send(encodeNote(tags.publish, to, note));
  }
}
