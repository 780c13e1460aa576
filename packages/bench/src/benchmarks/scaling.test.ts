import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { systemClock } from "../clock.ts";
import { renderTable } from "../report/render.ts";
import { Children } from "../servers/children.ts";
import type { Settings } from "./context.ts";
import { benchScaling } from "./scaling.ts";

const settings: Settings = {
  runs: 1,
  warmupMs: 1,
  measureMs: 1,
  connections: undefined,
  windows: undefined,
  rates: undefined,
  nodes: undefined,
  workers: undefined,
  servers: undefined,
  protocols: undefined,
  dataParent: tmpdir(),
  measuredFile: undefined,
};

test("docs/scaling.md holds what the model makes of the runs that are kept", async () => {
  const page = await Bun.file(new URL("../../../../docs/scaling.md", import.meta.url)).text();
  const children = new Children(systemClock);
  const report = await benchScaling({ clock: systemClock, children, settings, progress: () => undefined });
  const missing = report.tables.filter((table) => !page.includes(`\n${renderTable(table)}\n`));
  expect([report.tables.length, missing]).toEqual([6, []]);
  for (const note of report.notes.slice(1)) expect(page).toContain(note);
});
