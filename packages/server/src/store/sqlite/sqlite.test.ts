import { storeContract } from "../contract.ts";
import { makeSqliteFixture } from "./fixture.ts";

storeContract("SQLite", makeSqliteFixture);
