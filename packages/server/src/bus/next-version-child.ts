/** A node of the next version of the bus, for a test of an upgrade: the program as it is, but for that number. */
import { plugin } from "bun";

plugin({
  name: "the next version of the bus",
  setup(build) {
    build.onLoad({ filter: /bus[\\/]version\.ts$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const contents = source.replace(
        /BUS_VERSION = (\d+)/,
        (_, version) => `BUS_VERSION = ${Number(version) + 1}`,
      );
      if (contents === source) throw new TypeError(`there is no version in ${path}`);
      return { contents, loader: "ts" };
    });
  },
});

const { main } = await import("../main.ts");
process.exit(await main(process.argv.slice(2)));
