/**
 * A writer under load that kills itself in the middle of one of its disk operations, for crash.test.ts. Arguments: the
 * file, a seed, the number of the fatal operation. Standard output: `ready`, then each acknowledged number and id, written
 * when the batch was answered and not before.
 */
import { writeSync } from "node:fs";
import { dirname } from "node:path";
import { systemClock } from "../../clock.ts";
import { lockDirectory } from "../../primary/lock.ts";
import { openWriterDatabase } from "./database.ts";
import { throwFault } from "./fixture.ts";
import { type DiskJudge, openOn } from "./testing/failing-disk.ts";
import { acknowledged, busyBatch, meet } from "./testing/requests.ts";
import { seededRandom } from "./testing/seeded.ts";
import { SqliteWriter } from "./writer.ts";

const [path = "", seed = "0", fatalOperation = "0"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
lockDirectory(dirname(path));

let operations = 0;
const judge: DiskJudge = () => {
  operations += 1;
  if (operations === Number(fatalOperation)) process.kill(process.pid, "SIGKILL");
  return undefined;
};
const writer = new SqliteWriter({
  path,
  clock: systemClock,
  onFault: throwFault,
  open: openOn(openWriterDatabase, judge),
  checkpoints: { portionPages: 50, boundPages: 400 },
});
writeSync(1, "ready\n");
const conversation = meet(writer);
for (let lastSeq = 0; ; ) {
  const requests = busyBatch(conversation, 1 + Math.floor(random() * 80), lastSeq);
  const answered = acknowledged(requests, writer.commit(requests));
  writeSync(1, [...answered].map(([number, id]) => `${number} ${id}\n`).join(""));
  lastSeq += answered.size;
  writer.maintain();
}
