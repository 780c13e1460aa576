/** Which file system a directory lies on: a write that is flushed to memory is no durable write. */
import { statfsSync } from "node:fs";

/** Magic numbers of man 2 statfs. */
const names: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "XFS"],
  [0x9123683e, "Btrfs"],
  [0x794c7630, "overlayfs"],
  [0x2fc12fc1, "ZFS"],
  [0x01021994, "tmpfs (in memory: NOT durable)"],
]);

export function fileSystemOf(path: string): string {
  const { type } = statfsSync(path);
  return names.get(type) ?? `file system 0x${type.toString(16)}`;
}
