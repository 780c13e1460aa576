import { expect, test } from "bun:test";
import { addressOf, placeOf } from "./address.ts";

test("an address names a conversation and perhaps a message, and reads back as what it was made from", () => {
  for (const place of [
    { conversation: undefined, seq: undefined },
    { conversation: "c_1-x", seq: undefined },
    { conversation: "c_1-x", seq: 12 },
  ])
    expect(placeOf(addressOf(place))).toEqual(place);
});

test("an address that names nothing leads to the list", () => {
  for (const fragment of ["", "#", "#/", "#/c/", "#/c/a b", "#/c/x/m/", "#/c/x/m/-1", "#/d/x"])
    expect(placeOf(fragment)).toEqual({ conversation: undefined, seq: undefined });
});
