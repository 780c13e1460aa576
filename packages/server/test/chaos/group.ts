/** One conversation and the devices that take part in it, some of which are gone. */
import { memoryStorage } from "@duologue/client";
import type { Markers } from "@duologue/protocol";
import { type Pace, Talker } from "../harness/traffic.ts";
import { judge, type Testimony, testimonyOf, type Verdict } from "./oracle.ts";

/** A device that is not in this process: a browser. */
export interface Participant {
  begin(): Promise<void>;
  rest(): Promise<void>;
  /** Resolves when it is online and has the conversation up to this number, and nothing unsent. */
  caughtUp(lastSeq: number, timeoutMs: number): Promise<void>;
  testimony(): Promise<Testimony>;
}

/** Clients wait longer after each failure in a row, so the last may be back only after this. */
export const RECOVERY_MS = 60_000;

export interface GroupOptions {
  /** Where each device connects to; two people take them in turn. */
  readonly urls: readonly string[];
  readonly pace?: Pace;
  /** Whether people say that they have read what they get, or only by what they write themselves (yes). */
  readonly reads?: boolean;
}

export class Group implements Disposable {
  readonly talkers: Talker[] = [];
  readonly participants: Participant[] = [];
  readonly #gone: Testimony[] = [];
  readonly #storages = new Map<Talker, ReturnType<typeof memoryStorage>>();
  readonly #urls = new Map<Talker, string>();
  readonly #manner: Pick<GroupOptions, "pace"> & { readonly reads: boolean };

  private constructor({ reads = true, pace }: GroupOptions) {
    this.#manner = { reads, ...(pace === undefined ? {} : { pace }) };
  }

  /** As many devices as there are addresses, at least two. */
  static async meet(options: GroupOptions): Promise<Group> {
    const [first = "", second = "", ...more] = options.urls;
    const group = new Group(options);
    const ann = group.#add(first);
    const ben = group.#add(second);
    await ann.meet(ben);
    for (const [index, url] of more.entries()) {
      const device = group.#add(url, index % 2 === 0 ? ann : ben);
      await device.when(({ me }) => me !== undefined, "logged in");
      await device.join(ann.conversation);
    }
    return group;
  }

  get conversation(): string {
    return this.talkers[0]?.conversation ?? "";
  }

  begin(): void {
    for (const talker of this.talkers) talker.begin();
  }

  rest(): void {
    for (const talker of this.talkers) talker.rest();
  }

  /** The page is gone and comes again. With `keepsStorage`, what was unsent must not be lost. */
  async reload(talker: Talker, keepsStorage: boolean): Promise<void> {
    const index = this.talkers.indexOf(talker);
    if (index < 0) return;
    const [url = "", storage] = [this.#urls.get(talker), this.#storages.get(talker)];
    const { conversation } = talker;
    talker[Symbol.dispose]();
    this.#gone.push(testimonyOf(talker, { isThere: false, isComplete: keepsStorage }));
    const again = this.#make(url, talker, keepsStorage ? storage : undefined);
    this.talkers[index] = again;
    await again.when(({ me }) => me !== undefined, "logged in after a reload", RECOVERY_MS);
    await again.join(conversation);
    again.begin();
  }

  /** Resolves when every device is online, has nothing unsent, and has everything that the others have. */
  async settle(): Promise<void> {
    this.rest();
    await Promise.all(
      this.talkers.map((talker) => talker.when(() => talker.isSettled, "settled", RECOVERY_MS)),
    );
    await Promise.all(this.participants.map((participant) => participant.caughtUp(0, RECOVERY_MS)));
    // So that something is left unread, some of which was changed or taken back after it had come.
    if (!this.#manner.reads) await this.talkers[0]?.lastWords();
    const last = Math.max(0, ...this.talkers.flatMap(({ log }) => [log.lastSeq]));
    await Promise.all(
      this.talkers.map((talker) =>
        talker.when(
          (client) => (client.conversation(talker.conversation)?.lastSeq ?? 0) >= last && !client.syncing,
          `caught up to ${last}`,
          RECOVERY_MS,
        ),
      ),
    );
    await Promise.all(this.participants.map((participant) => participant.caughtUp(last, RECOVERY_MS)));
    await Promise.all(this.talkers.map((talker) => this.#settleOwnMarkers(talker, last)));
    await this.#shareMarkers();
  }

  async judge(url: string): Promise<Verdict> {
    const tokens = new Map(this.talkers.map(({ client, token }) => [client.me?.id ?? "", token]));
    const present = this.talkers.map((talker) => testimonyOf(talker));
    const others = await Promise.all(this.participants.map((participant) => participant.testimony()));
    const devices = [...present, ...this.#gone, ...others];
    return judge({ url, conversation: this.conversation, tokens, devices, isRead: this.#manner.reads });
  }

  [Symbol.dispose](): void {
    for (const talker of this.talkers) talker[Symbol.dispose]();
  }

  /** Resolves when this device has nothing more to say of what it has got, or looked at. */
  async #settleOwnMarkers(talker: Talker, last: number): Promise<void> {
    const { reads } = this.#manner;
    if (reads) talker.client.markRead(talker.conversation);
    await talker.when(
      (client) => {
        const { mine, unread = 0 } = client.conversation(talker.conversation) ?? {};
        // A change is not marked by itself, nor what was taken back: there is nothing to be received.
        return reads ? (mine?.read ?? 0) >= last : unread === 0 || (mine?.delivered ?? 0) >= last;
      },
      `${reads ? "read" : "delivered"} up to ${last}`,
      RECOVERY_MS,
    );
  }

  /** Resolves when every device knows of the markers of both sides what any device knows. */
  async #shareMarkers(): Promise<void> {
    const known = this.talkers.flatMap(({ client, conversation }) => {
      const view = client.conversation(conversation);
      const [me, peer] = [client.me?.id, view?.peer.id];
      return [
        { user: me, markers: view?.mine },
        { user: peer, markers: view?.theirs },
      ];
    });
    const reaches = (user: string | undefined, markers: Markers | undefined): boolean =>
      known.every(
        (one) =>
          one.user !== user ||
          ((markers?.delivered ?? 0) >= (one.markers?.delivered ?? 0) &&
            (markers?.read ?? 0) >= (one.markers?.read ?? 0)),
      );
    await Promise.all(
      this.talkers.map((talker) =>
        talker.when(
          (client) => {
            const view = client.conversation(talker.conversation);
            return reaches(client.me?.id, view?.mine) && reaches(view?.peer.id, view?.theirs);
          },
          `the same markers as all: ${JSON.stringify(known)}`,
          RECOVERY_MS,
        ),
      ),
    );
  }

  #add(url: string, sameUser?: Talker): Talker {
    const talker = this.#make(url, sameUser, undefined);
    this.talkers.push(talker);
    return talker;
  }

  #make(
    url: string,
    sameUser: Talker | undefined,
    kept: ReturnType<typeof memoryStorage> | undefined,
  ): Talker {
    const storage = kept ?? memoryStorage();
    const same = sameUser === undefined ? {} : { token: sameUser.token, horizon: sameUser.log.horizon };
    const talker = new Talker({ url, storage, ...this.#manner, ...same });
    this.#storages.set(talker, storage);
    this.#urls.set(talker, url);
    return talker;
  }
}
