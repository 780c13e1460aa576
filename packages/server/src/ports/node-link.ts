/**
 * What the nodes of a cluster say to each other: texts on subjects. Everything on it is a hint. Whatever it loses, the
 * store still has, and whoever relies on a hint has a way to notice that one is missing.
 *
 * - Who calls: the primary of a node, and nobody else of it.
 * - Order: what one node publishes on one subject arrives in order, or not at all. Nothing is said about two nodes.
 * - Not to itself: a node never gets what it published or asked itself.
 * - Loss: at most once. While there is no connection everything is lost; after it has come back, every subscription
 *   holds again before `onReturn` is called, and what was missed meanwhile is gone.
 * - Bounded: what cannot be written out at once waits up to a limit, and beyond it is dropped and counted.
 * - In effect: what is published by others after `settle` has resolved reaches the subscriptions made before it.
 * - Trust: a payload comes from another machine. It is at most `maxPayloadBytes` long, and everything else about it is
 *   checked by who receives it.
 * Subjects are words of [A-Za-z0-9_-] joined by dots; the adapter puts the realm before them, so that two bodies of data
 * can share one bus.
 */
export type NodeId = string;

export interface Subscription {
  close(): void;
}

/** `answer` is there when it was a request; the first answer of all receivers counts. */
export type Receive = (payload: string, answer: ((payload: string) => void) | undefined) => void;

export type Answer =
  | { readonly kind: "answered"; readonly payload: string }
  /** No other node has subscribed to the subject. */
  | { readonly kind: "nobody" }
  /** There is no connection, or nothing came in time. */
  | { readonly kind: "unknown" };

export interface NodeLink {
  /** Names this process among all nodes; a new one at each start. */
  readonly node: NodeId;
  readonly isConnected: boolean;
  readonly maxPayloadBytes: number;
  /** What was dropped, since the start: too long, without a connection, or because too much waited. */
  readonly dropped: number;
  /** Hands it on in this turn's batch; false when it was dropped. */
  publish(subject: string, payload: string): boolean;
  subscribe(subject: string, receive: Receive): Subscription;
  /** Resolves within `timeoutMs`; never rejects. */
  request(subject: string, payload: string, timeoutMs: number): Promise<Answer>;
  /**
   * Resolves when the bus has taken all that was published and subscribed before; at once when there is no connection,
   * and after `timeoutMs` in any case. Never rejects.
   */
  settle(timeoutMs: number): Promise<void>;
  /** After each return of the connection, the first one not counted. */
  onReturn(receive: () => void): void;
}
