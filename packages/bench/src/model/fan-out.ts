/**
 * How many nodes a change reaches over the bus. Each user has some devices, each on a node of its own chance; a node
 * subscribes a user as long as one of the user's devices is there, and never gets what it published itself.
 */
import type { SeededRandom } from "@duologue/testing";

export interface FanOutWorld {
  readonly nodes: number;
  readonly users: number;
  /** Share of online users with one device, with two, … */
  readonly deviceShares: readonly number[];
}

/** Nodes other than the publisher that hold one of `places` devices put down by chance. */
export function otherNodes(nodes: number, places: number): number {
  return (nodes - 1) * (1 - (1 - 1 / nodes) ** places);
}

/** Deliveries by the bus of one message between two online users; formula. */
export function expectedDeliveries({ nodes, deviceShares }: FanOutWorld): number {
  return deviceShares.reduce((sum, share, index) => {
    const devices = index + 1;
    // The sender's own device is where the message is published; the recipient's may be anywhere.
    return sum + share * (otherNodes(nodes, devices - 1) + otherNodes(nodes, devices));
  }, 0);
}

/** Subjects that each node has subscribed, summed over the nodes, for each online user; formula. */
export function expectedSubscriptions({ nodes, deviceShares }: FanOutWorld): number {
  return deviceShares.reduce(
    (sum, share, index) => sum + share * nodes * (1 - (1 - 1 / nodes) ** (index + 1)),
    0,
  );
}

export interface FanOut {
  readonly deliveries: number;
  readonly subscriptions: number;
}

/** The same two numbers, counted: users are put down by chance, and `messages` are sent between users by chance. */
export function simulateFanOut(random: SeededRandom, world: FanOutWorld, messages: number): FanOut {
  const places = Array.from({ length: world.users }, () => placeUser(random, world));
  let subscriptions = 0;
  for (const devices of places) subscriptions += new Set(devices).size;
  let deliveries = 0;
  for (let message = 0; message < messages; message += 1) {
    const sender = random.below(world.users);
    const recipient = (sender + 1 + random.below(world.users - 1)) % world.users;
    const publisher = random.pick(places[sender] ?? []);
    for (const user of [sender, recipient]) {
      const nodes = new Set(places[user]);
      nodes.delete(publisher);
      deliveries += nodes.size;
    }
  }
  return { deliveries: deliveries / messages, subscriptions: subscriptions / world.users };
}

function placeUser(random: SeededRandom, { nodes, deviceShares }: FanOutWorld): number[] {
  let draw = random.next();
  let devices = 1;
  for (const share of deviceShares.slice(0, -1)) {
    if (draw < share) break;
    draw -= share;
    devices += 1;
  }
  return Array.from({ length: devices }, () => random.below(nodes));
}
