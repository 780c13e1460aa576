import { setDefaultTimeout } from "bun:test";
import { storeContract } from "../contract.ts";
import { makeSqliteFixture } from "./fixture.ts";

// One of its tests tries hundreds of histories.
setDefaultTimeout(60_000);

storeContract("SQLite", makeSqliteFixture);
