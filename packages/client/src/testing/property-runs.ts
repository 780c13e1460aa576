/** Runs of each property that is cheap enough; `DUOLOGUE_PROPERTY_RUNS` sets another number, for a long look. */
export const PROPERTY_RUNS = Number(process.env.DUOLOGUE_PROPERTY_RUNS ?? 10_000);
