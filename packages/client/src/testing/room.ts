import { type Client, connect } from "../client.ts";
import type { ConnectOptions } from "../client-types.ts";
import { FakeEnvironment } from "./fake-environment.ts";
import type { FakeLink } from "./fake-network.ts";
import { FakeServer } from "./fake-server.ts";

/** A server, a clock and the clients of one test; everything is closed with it. */
export class Room {
  readonly server = new FakeServer();
  readonly environment: FakeEnvironment;
  readonly clients: Client[] = [];

  constructor(seed = 1) {
    this.environment = new FakeEnvironment((_url, events) => this.server.openSocket(events), seed);
  }

  connect(options: Partial<ConnectOptions> = {}): Client {
    const client = connect({ url: "ws://server.example/", environment: this.environment, ...options });
    this.clients.push(client);
    return client;
  }

  /** A client that is logged in. */
  join(nickname: string, options: Partial<ConnectOptions> = {}): { client: Client; id: string } {
    const client = this.connect({ nickname, ...options });
    this.server.flush();
    return { client, id: client.me?.id ?? "" };
  }

  /** The living connection of this client. */
  link(client: Client): FakeLink {
    const link = this.server.links.findLast((one) => !one.isGone && one.user?.user.id === client.me?.id);
    if (link === undefined) throw new RangeError("this client has no connection");
    return link;
  }

  /** Lets time pass and everything move, a tenth of a second at a time. */
  pass(byMs: number): void {
    this.server.flush();
    for (let leftMs = byMs; leftMs > 0; leftMs -= 100) {
      this.environment.advance(Math.min(leftMs, 100));
      this.server.flush();
    }
  }

  [Symbol.dispose](): void {
    for (const client of this.clients) client.close();
  }
}

/** Two people with a conversation open on both sides. */
export async function joinPair(room: Room): Promise<{ alice: Client; bob: Client; conversation: string }> {
  const { client: alice } = room.join("alice");
  const { client: bob, id } = room.join("bob");
  const opened = alice.open(id);
  room.server.flush();
  const conversation = await opened;
  void bob.openConversation(conversation);
  room.server.flush();
  return { alice, bob, conversation };
}

export function textsOf(client: Client, conversation: string): readonly string[] {
  return client.timeline(conversation).entries.map((entry) => entry.body?.text ?? "");
}
