import { expect, test } from "bun:test";
import { axisOf, type BarChart, CHART_COLOURS, type LineChart, renderChart } from "./chart.ts";

const bars: BarChart = {
  kind: "bars",
  name: "costs",
  title: "Costs <now>",
  valueLabel: "µs for each message",
  labels: ["one node", "two nodes"],
  parts: [
    { name: "primary", values: [30, 10] },
    { name: "workers", values: [70, 10] },
  ],
};

const lines: LineChart = {
  kind: "lines",
  name: "joins",
  title: "Joins",
  valueLabel: "bytes",
  xLabel: "users online",
  series: [
    {
      name: "lobby",
      points: [
        { x: 0, y: 0 },
        { x: 1000, y: 50 },
      ],
    },
  ],
};

test("an axis begins at 0 and ends at a round number at or above the highest value", () => {
  expect(axisOf(100)).toEqual({ top: 100, step: 20 });
  expect(axisOf(51_234)).toEqual({ top: 60_000, step: 20_000 });
  expect(axisOf(0.3).top).toBeCloseTo(0.3);
  expect(axisOf(0)).toEqual({ top: 1, step: 1 });
});

test("the parts of a bar stand end to end, as long as their values", () => {
  const widths = [
    ...renderChart(bars).matchAll(/<rect class="bar c\d" x="([\d.]+)" y="\d+" width="([\d.]+)" height="22"/g),
  ];
  const [primary, workers, secondPrimary] = widths.map(([, x, width]) => ({
    x: Number(x),
    width: Number(width),
  }));
  expect(workers?.x).toBeCloseTo((primary?.x ?? 0) + (primary?.width ?? 0), 0);
  expect((workers?.width ?? 0) / (primary?.width ?? 1)).toBeCloseTo(70 / 30, 1);
  expect((primary?.width ?? 0) / (secondPrimary?.width ?? 1)).toBeCloseTo(3, 1);
});

test("the lowest point of a line lies on the axis, the highest at the top of the plot", () => {
  const [, first, last] = /points="([\d.]+,[\d.]+) ([\d.]+,[\d.]+)"/.exec(renderChart(lines)) ?? [];
  expect(first).toBe("80,356");
  expect(last).toBe("720,96");
});

test("of two values that would lie on each other one is written", () => {
  const near = [
    { name: "one", points: [{ x: 1000, y: 50 }] },
    { name: "other", points: [{ x: 1000, y: 49.5 }] },
    { name: "far", points: [{ x: 1000, y: 10 }] },
  ];
  const svg = renderChart({ ...lines, series: near });
  expect([...svg.matchAll(/class="value middle"[^>]*>([^<]+)</g)].map(([, value]) => value)).toEqual([
    "50",
    "10",
  ]);
});

test("a chart is XML that names itself, whatever stands in its title, and has a dark side", async () => {
  for (const chart of [bars, lines]) {
    const seen: string[] = [];
    const svg = renderChart(chart);
    await new HTMLRewriter()
      .on("svg", { element: (element) => void seen.push(element.getAttribute("aria-label") ?? "") })
      .transform(new Response(svg))
      .text();
    expect(seen[0]).toContain(chart.valueLabel);
    expect(svg).toContain("prefers-color-scheme:dark");
    expect(svg).not.toContain("<now>");
  }
});

test("a single series has no legend, several have one each", () => {
  expect(renderChart(lines)).not.toContain(">lobby<");
  expect(renderChart(bars)).toContain(">primary<");
  expect(renderChart(bars)).toContain(">workers<");
});

test("what cannot be drawn is refused", () => {
  const [part] = bars.parts;
  if (part === undefined) throw new TypeError("no part");
  expect(() => renderChart({ ...bars, labels: ["one"] })).toThrow("does not fit the labels");
  const many = Array.from({ length: CHART_COLOURS + 1 }, () => part);
  expect(() => renderChart({ ...bars, parts: many })).toThrow(RangeError);
});
