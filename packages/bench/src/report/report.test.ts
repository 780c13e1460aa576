import { expect, test } from "bun:test";
import { renderMarkdown, renderText } from "./render.ts";
import { formatNumber, formatSpread, type Report, spreadOf, tableOf } from "./report.ts";

const report: Report = {
  name: "Relay",
  notes: ["two cores"],
  tables: [
    {
      title: "Costs",
      columns: ["server", "µs"],
      rows: [
        ["ws", "30.4"],
        ["a|b", "7"],
      ],
    },
  ],
  targets: [{ what: "ratio", wanted: "≥ 3", measured: "2", met: false }],
  runs: [],
};

test("the median of an even number of runs lies between the middle two", () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, lowest: 1, highest: 4 });
  expect(spreadOf([9, 1, 5])).toEqual({ median: 5, lowest: 1, highest: 9 });
  expect(() => spreadOf([])).toThrow(RangeError);
});

test("numbers keep three significant digits", () => {
  expect([0.98765, 7.2, 123.45, 1234.5, 0, Number.NaN].map(formatNumber)).toEqual([
    "0.988",
    "7.2",
    "123",
    "1,235",
    "0",
    "–",
  ]);
  expect(formatSpread([7.2, 6.8, 8.5])).toBe("7.2 [6.8–8.5]");
  expect(formatSpread([7.2])).toBe("7.2");
});

test("a terminal table is aligned, and a missed target says so", () => {
  const lines = renderText(report).split("\n");
  expect(lines).toContain("server    µs");
  expect(lines).toContain("ws      30.4");
  expect(lines).toContain("MISSED: ratio: wanted ≥ 3, measured 2");
});

test("a markdown table escapes its bars", () => {
  expect(renderMarkdown(report)).toContain("| server | µs |\n| --- | --: |\n| ws | 30.4 |\n| a\\|b | 7 |");
});

test("a table whose rows do not fit its columns is refused", () => {
  expect(tableOf("Costs", ["server", "µs"], [["ws", "30"]]).rows.length).toBe(1);
  expect(() => tableOf("Costs", ["server", "µs"], [["ws"]])).toThrow("Costs: 1 cells for 2 columns");
});
