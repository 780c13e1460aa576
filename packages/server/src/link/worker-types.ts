/** What a worker is given when it reports to the primary, and what it tells about itself every second. */
import type { Limits } from "@duologue/protocol";
import type { HostLogin } from "../ports/host-login.ts";
import type { PresentUser, RemoteUsers } from "../ports/presence.ts";
import type { UserId } from "../ports/store.ts";

export interface PageFile {
  readonly path: string;
  readonly contentType: string;
  readonly base64: string;
  /** The same, compressed, by the name of the encoding; base64 too. */
  readonly encodings: Readonly<Partial<Record<"br" | "gzip", string>>>;
  readonly immutable: boolean;
}

/** Where a worker reads the store. An address may hold a password. */
export type StoreSource =
  | { readonly kind: "embedded"; readonly path: string }
  | {
      readonly kind: "postgres";
      readonly url: string;
      readonly ca: string | undefined;
      readonly epoch: string;
      readonly realm: string;
    };

/** Everything a worker needs to begin; sent over the link and never through arguments or the environment. */
export interface WorkerSettings {
  readonly host: string;
  readonly port: number;
  /** How many share the port. */
  readonly workers: number;
  readonly store: StoreSource;
  readonly tokenSecret: string;
  readonly hostLogin: HostLogin | undefined;
  readonly guests: boolean;
  readonly embedOrigins: readonly string[];
  readonly classic: "on" | "off" | "same-origin";
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly limits: Limits;
  readonly page: readonly PageFile[];
  readonly lobby: readonly PresentUser[];
  /** Absent: there is one machine. */
  readonly remoteUsers?: RemoteUsers;
}

/** Of users whom a worker watches: what the primary knows. */
export interface WatchedStates {
  readonly online: readonly UserId[];
  readonly offline: readonly UserId[];
}

export interface WorkerStatistics {
  readonly memoryBytes: number;
  readonly connections: number;
  readonly users: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

/** Told to every worker each second; a worker that hears nothing for several is not ready. */
export interface PrimaryHeartbeat {
  /** The last commit went well. */
  readonly storeWell: boolean;
}
