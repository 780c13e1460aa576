/**
 * Brings a file to this program's version and kills itself in the middle of one of its disk operations, for
 * migrations.test.ts. Arguments: the file, the number of the fatal operation. Ends with 0 when there are fewer.
 */
import { openWriterDatabase } from "./database.ts";
import { migrate } from "./migrations.ts";
import { type DiskJudge, openOn } from "./testing/failing-disk.ts";

const [path = "", fatalOperation = "0"] = process.argv.slice(2);
let operations = 0;
const judge: DiskJudge = () => {
  operations += 1;
  if (operations === Number(fatalOperation)) process.kill(process.pid, "SIGKILL");
  return undefined;
};
const open = openOn(openWriterDatabase, judge);
const database = open({ path, busyTimeoutMs: 1000, maxPages: undefined });
migrate(database, "unused");
database.close();
