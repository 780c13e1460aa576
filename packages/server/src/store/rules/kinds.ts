/** The kinds of events as they stand in the tables. */
export type EventKind = "message" | "edit" | "retract";

export const kindCodes = { message: 0, edit: 1, retract: 2 } as const satisfies Record<EventKind, number>;

export const kindNames: readonly EventKind[] = ["message", "edit", "retract"];
