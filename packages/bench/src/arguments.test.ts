import { expect, test } from "bun:test";
import { parseCommand } from "./arguments.ts";

test("names, lists and numbers are read", () => {
  const command = parseCommand([
    "relay",
    "storm",
    "--runs",
    "1",
    "--windows",
    "1,8",
    "--servers",
    "ws,bun-relay",
    "--markdown",
  ]);
  if (command.kind !== "run") throw new TypeError(command.kind);
  expect(command.names).toEqual(["relay", "storm"]);
  expect(command.settings).toMatchObject({
    runs: 1,
    windows: [1, 8],
    servers: ["ws", "bun-relay"],
    measureMs: 5000,
  });
  expect(command.markdown).toBe(true);
});

test("all stands for every benchmark", () => {
  const command = parseCommand(["all"]);
  expect(command).toMatchObject({ kind: "run", names: ["relay", "idle", "durable", "storm", "page"] });
});

test("cluster stands for what needs several machines, with its own options", () => {
  const command = parseCommand(["cluster", "--nodes", "1,3", "--rate", "500,2000", "--charts", "charts"]);
  expect(command).toMatchObject({
    kind: "run",
    names: ["bare", "nodes", "online", "presence", "scaling"],
    settings: { nodes: [1, 3], rates: [500, 2000] },
    chartDirectory: "charts",
  });
});

test.each([
  [
    ["fast"],
    "name: one of relay, idle, durable, storm, page, bare, nodes, online, presence, scaling, not fast",
  ],
  [["relay", "--runs", "0"], "--runs: a whole number above 0, not 0"],
  [["relay", "--connections", "7"], "must be even"],
  [["relay", "--servers", "apache"], "--servers: one of duologue, ws, bun-relay, not apache"],
  [["relay", "--speed", "9"], "--speed"],
])("%p is refused with the reason", (argv, problem) => {
  const command = parseCommand(argv);
  if (command.kind !== "wrong") throw new TypeError(command.kind);
  expect(command.problem).toContain(problem);
});

test("no name at all shows the help", () => {
  expect(parseCommand([])).toEqual({ kind: "help" });
});
