/** The rules of SPEC.md, asked of a cluster that is there: `bun test` with the nodes' addresses in DUOLOGUE_WIRE_URLS. */
import { wireTests } from "../../wire/suite.ts";
import { addressTarget } from "../../wire/target.ts";

const urls = (process.env.DUOLOGUE_WIRE_URLS ?? "").split(",").filter((url) => url !== "");
if (urls.length === 0)
  throw new RangeError("DUOLOGUE_WIRE_URLS: the addresses of nodes, separated by commas");

/** Everybody who connects goes to the next node, so that people of one test stand on different ones. */
let turn = 0;

wireTests(
  `wire, over ${urls.length} nodes`,
  addressTarget(() => {
    turn += 1;
    return urls[turn % urls.length] ?? "";
  }),
);
