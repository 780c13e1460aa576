/** What the command line asks a running primary over its socket, and what it answers. */
export type ControlRequest =
  | { readonly type: "status" }
  | { readonly type: "reload" }
  | { readonly type: "stop" };

export interface WorkerStatus {
  readonly number: number;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly memoryBytes: number;
  readonly connections: number;
  readonly users: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

export interface PrimaryStatus {
  readonly pid: number;
  readonly uptimeMs: number;
  readonly memoryBytes: number;
  readonly version: string;
  readonly address: string;
  readonly dataDirectory: string;
}

export interface StoreStatus {
  /** Of a database elsewhere, without its password; its sizes are not known here, and 0. */
  readonly address?: string;
  readonly bytes: number;
  readonly walBytes: number;
  readonly queued: number;
  readonly committed: number;
  /** Unless it is well, nothing is taken, and `problem` says why. */
  readonly health: {
    readonly kind: "well" | "full" | "failed" | "damaged" | "moved" | "fenced";
    readonly problem?: string;
  };
}

/** To the other nodes. */
export interface BusStatus {
  /** Without secrets. */
  readonly address: string;
  readonly isConnected: boolean;
  /** NATS does not let this user do something that a node must. */
  readonly isRefused: boolean;
  /** Notes that it did not take; who missed one learns it later. */
  readonly dropped: number;
  /** Notes of other nodes: of a kind that is not known here, and refused because of what they held. */
  readonly unknown: number;
  readonly broken: number;
}

/** The nodes that this one knows, and who is online in all. */
export interface ClusterStatus {
  readonly node: string;
  /** In all; who is on two nodes may be counted twice while not everybody is named. */
  readonly users: number;
  readonly ownUsers: number;
  readonly others: readonly { readonly node: string; readonly users: number }[];
  /** There are more nodes than are heard. */
  readonly isCrowded: boolean;
}

export type ControlReply =
  | {
      readonly type: "status";
      readonly primary: PrimaryStatus;
      readonly workers: readonly WorkerStatus[];
      readonly store: StoreStatus;
      /** Absent where this is the only node. */
      readonly bus?: BusStatus;
      readonly cluster?: ClusterStatus;
    }
  | { readonly type: "progress"; readonly text: string }
  | { readonly type: "done" }
  | { readonly type: "refused"; readonly reason: string };
