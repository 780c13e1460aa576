/** How a store is, as its primary sees it. */

/**
 * full    the last transaction found no room, or the file held by somebody else; everything before stands.
 * failed  a write, a flush or a read failed, or the database cannot be reached; it is tried again every now and then.
 * damaged the file contradicts itself; to write on could only make it worse, so that somebody must look at it.
 * moved   the file was removed, renamed or replaced while it was open: what would be written would be in no file. For good.
 * fenced  another process has taken the file over; this one can only end.
 */
export type StoreHealth =
  | { readonly kind: "well" }
  | { readonly kind: "full" | "failed" | "damaged" | "moved" | "fenced"; readonly problem: string };

export const WELL: StoreHealth = Object.freeze({ kind: "well" });
