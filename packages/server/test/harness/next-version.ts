/**
 * Makes the program into one of the next version, for tests of an upgrade: to be loaded before it (`bun --preload`). It has
 * the next number of the bus, says there what this version does not know (novelties.ts), and keeps more in PostgreSQL.
 */
import { plugin } from "bun";

const NOVELTIES = new URL("novelties.ts", import.meta.url).pathname;

/** What a next version may add; see the rules in store/postgres/migrations.ts. */
const STATEMENTS = [
  "ALTER TABLE person ADD COLUMN novelty text",
  "ALTER TABLE conversation ADD COLUMN novelty bigint NOT NULL DEFAULT 1",
  "ALTER TABLE event ADD COLUMN novelty smallint NOT NULL DEFAULT 2",
  "CREATE TABLE novelty (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)",
  "CREATE INDEX event_novelty ON event (conversation) WHERE novelty <> 2",
];

type Change = (source: string) => string;

/** End of a module's path → what becomes of its text. */
const changes: Readonly<Record<string, Change>> = {
  "bus/version.ts": (source) =>
    source.replace(/BUS_VERSION = (\d+)/, (_, version) => `BUS_VERSION = ${Number(version) + 1}`),
  "bus/nats/nats-link.ts": (source) =>
    `${source}\nimport { addNovelties } from ${JSON.stringify(NOVELTIES)};\naddNovelties(NatsLink.prototype);\n`,
  "store/postgres/migrations.ts": (source) =>
    source
      .replace("const migrations: readonly Migration[] =", "const released: readonly Migration[] =")
      .replace(
        "export const SCHEMA_VERSION",
        `const migrations = [...released, { version: released.length + 1, statements: ${JSON.stringify(STATEMENTS)} }];\n$&`,
      ),
};

plugin({
  name: "the next version",
  setup(build) {
    for (const [end, change] of Object.entries(changes)) {
      const filter = new RegExp(`/server/src/${end.replaceAll(".", "\\.")}$`);
      build.onLoad({ filter }, async ({ path }) => {
        const source = await Bun.file(path).text();
        const contents = change(source);
        if (contents === source) throw new TypeError(`nothing is to be changed in ${path}`);
        return { contents, loader: "ts" };
      });
    }
  },
});
