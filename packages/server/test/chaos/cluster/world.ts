/** People who talk over three nodes, and what is asked of them afterwards. */
import { until } from "@duologue/testing";
import { systemClock } from "../../../src/clock.ts";
import { Peer } from "../../harness/peer.ts";
import type { Talker } from "../../harness/traffic.ts";
import { Group, RECOVERY_MS } from "../group.ts";
import { combine, type Verdict } from "../oracle.ts";
import { Bookmark } from "./bookmark.ts";
import type { Site } from "./site.ts";
import { follow, Voice } from "./voice.ts";

export interface ClusterWorldOptions {
  /** Each has two people with two devices each, of which one writes and one listens, on different nodes. */
  readonly conversations: number;
  /** Between two messages of a device, ms. */
  readonly pauseMs: number;
}

const DEVICES = 4;
const WRITERS = 2;
/** How long the nodes may disagree about who is there, after everything is whole again. */
const PRESENCE_MS = 10_000;

export class ClusterWorld {
  readonly site: Site;
  groups: Group[] = [];
  readonly #options: ClusterWorldOptions;
  #bookmarks: { readonly group: Group; readonly bookmark: Bookmark }[] = [];

  constructor(site: Site, options: ClusterWorldOptions) {
    this.site = site;
    this.#options = options;
  }

  get talkers(): readonly Talker[] {
    return this.groups.flatMap(({ talkers }) => talkers);
  }

  /** Those who came to this node first. */
  talkersAt(node: number): readonly Talker[] {
    return this.groups.flatMap(({ talkers }, group) =>
      talkers.filter((_, device) => this.#place(group, device) === node),
    );
  }

  /** Those who write: of each group one device of either side. */
  get writers(): readonly Talker[] {
    return this.groups.flatMap(({ talkers }) => talkers.slice(0, WRITERS));
  }

  /** New people, who begin to talk. */
  async meet(): Promise<void> {
    const { urls } = this.site.balancer;
    const pace = { pauseMs: this.#options.pauseMs, window: 1 };
    const meetings = Array.from({ length: this.#options.conversations }, (_, group) =>
      Group.meet({
        urls: Array.from({ length: DEVICES }, (__, device) => urls[this.#place(group, device)] ?? ""),
        pace,
      }),
    );
    this.groups = await Promise.all(meetings);
    for (const writer of this.writers) writer.begin();
    for (const group of this.groups) {
      for (const { token } of group.talkers.slice(0, WRITERS)) {
        const bookmark = await Bookmark.put(urls[0] ?? "", token, group.conversation);
        this.#bookmarks.push({ group, bookmark });
      }
    }
  }

  #place(group: number, device: number): number {
    return (group + device) % this.site.nodes.length;
  }

  /** One who speaks to each node and is heard at the next. */
  voices(): Promise<Voice[]> {
    const { nodes } = this.site;
    return Promise.all(
      nodes.map(({ url }, index) => Voice.connect(url, nodes[(index + 1) % nodes.length]?.url ?? url)),
    );
  }

  watchers(): Promise<Watcher[]> {
    return Promise.all(this.site.nodes.map(({ url }) => Watcher.connect(url)));
  }

  /** Resolves when every device has everything that some device of its conversation has at this moment. */
  async caughtUp(): Promise<void> {
    await Promise.all(
      this.groups.map(async ({ talkers }) => {
        const last = Math.max(...talkers.map(({ log }) => log.lastSeq));
        const waits = talkers.map((talker) =>
          talker.when(() => talker.log.lastSeq >= last, `heard of number ${last}`, RECOVERY_MS),
        );
        await Promise.all(waits);
      }),
    );
  }

  /** Resolves when all that is written is acknowledged again: two messages, since one may have been on its way. */
  async whole(): Promise<void> {
    const waits = this.writers.map((writer) => {
      const before = writer.log.acknowledged.size;
      return writer.when(() => writer.log.acknowledged.size >= before + 2, "acknowledged again", RECOVERY_MS);
    });
    await Promise.all(waits);
  }

  /** Resolves when all nodes tell of the same people, everybody who talks among them; what they differ in if they do not. */
  async presenceWhole(watchers: readonly Watcher[]): Promise<string[]> {
    const users = [...new Set(this.talkers.map(({ client }) => client.me?.id ?? ""))];
    const differences = (): string[] =>
      watchers.flatMap((watcher, index) => {
        const others = watchers[(index + 1) % watchers.length]?.online ?? new Set();
        const missing = [...new Set([...users, ...others])].filter((user) => !watcher.online.has(user));
        return missing.map((user) => `${user} is online, but not at node ${index + 1}`);
      });
    try {
      await until(() => differences().length === 0, "the nodes agree", PRESENCE_MS);
      return [];
    } catch {
      return differences();
    }
  }

  /** Everybody stops writing, catches up, and the judge speaks; then they leave. */
  async verdict(): Promise<Verdict> {
    await Promise.all(this.groups.map((group) => group.settle()));
    const { balancer, nodes } = this.site;
    const verdicts = await Promise.all(this.groups.map((group) => group.judge(balancer.urls[0] ?? "")));
    const skipped = await Promise.all(
      this.#bookmarks.map(async ({ group, bookmark }) => {
        const last = Math.max(...group.talkers.map(({ log }) => log.lastSeq));
        const all = nodes.map(({ url }) => bookmark.violations(url, last));
        return (await Promise.all(all)).flat();
      }),
    );
    this.part();
    return combine([...verdicts, { messages: 0, acknowledged: 0, repeats: 0, violations: skipped.flat() }]);
  }

  part(): void {
    for (const group of this.groups) group[Symbol.dispose]();
    this.groups = [];
    this.#bookmarks = [];
  }
}

/** Somebody at one node who watches who comes and goes. */
export class Watcher implements AsyncDisposable {
  readonly online = new Set<string>();
  /** User → when they were told to have left, the first time, ms. */
  readonly leftAt = new Map<string, number>();
  readonly #peer: Peer;

  private constructor(peer: Peer) {
    this.#peer = peer;
    void follow(peer, (frame) => {
      if (frame.type === "lobby") for (const { id } of frame.users ?? []) this.online.add(id);
      if (frame.type !== "lobby-change") return;
      for (const { id } of frame.joined) this.online.add(id);
      for (const id of frame.left) {
        this.online.delete(id);
        if (!this.leftAt.has(id)) this.leftAt.set(id, systemClock.monotonic());
      }
    });
  }

  static async connect(url: string): Promise<Watcher> {
    return new Watcher(await Peer.connect(url));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#peer.socket.terminate();
  }
}
