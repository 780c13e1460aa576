/**
 * Of what nodes say to each other. Nodes whose versions are at most one apart understand each other: words, fields and
 * kinds may be added with a new version, and what is not known is passed over; nothing may change its meaning or go.
 */
export const BUS_VERSION = 1;
