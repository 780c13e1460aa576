/**
 * Charts as SVG text: light and dark by the reader's own setting, readable without a script, values from 0. What a chart
 * shows stands in its table too; it is for the shape of things.
 */
import { formatNumber } from "./format.ts";

interface ChartBase {
  /** Of its file, without `.svg`. */
  readonly name: string;
  readonly title: string;
  /** What is measured, with its unit. */
  readonly valueLabel: string;
}

/** One line for each series over a linear axis. */
export interface LineChart extends ChartBase {
  readonly kind: "lines";
  readonly xLabel: string;
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly { readonly x: number; readonly y: number }[];
  }[];
}

/** One lying bar for each label, put together of parts. */
export interface BarChart extends ChartBase {
  readonly kind: "bars";
  readonly labels: readonly string[];
  /** `values` in the order of the labels. */
  readonly parts: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export type Chart = LineChart | BarChart;

const WIDTH = 760;
const MARGIN = 24;
const TITLE_Y = 32;
const LABEL_Y = 52;
const LEGEND_Y = 76;
const PLOT_TOP = 96;
const LEGEND_MARK = 12;
/** On average, of the fonts below at 13 px; only the legend's and the labels' places depend on it. */
const CHARACTER_WIDTH = 7.2;
const TICKS = 5;
const BAR_HEIGHT = 22;
const BAR_STEP = 34;
const LINES_HEIGHT = 260;
/** Closer than this, two values could not be read. */
const LABEL_ROOM = { x: 56, y: 15 };

/** Told apart by people who see red and green alike, too (after Okabe and Ito). */
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#b8860b", "#a0448a", "#4b5563"];
const DARK = ["#56b4e9", "#ff8c42", "#2fc79a", "#f0c14b", "#e08fc4", "#a3adba"];
export const CHART_COLOURS = LIGHT.length;

/** Throws RangeError for more series than there are colours, and for a bar whose parts do not fit its labels. */
export function renderChart(chart: Chart): string {
  const names = chart.kind === "lines" ? chart.series : chart.parts;
  if (names.length > CHART_COLOURS) throw new RangeError(`${chart.name}: ${names.length} series`);
  switch (chart.kind) {
    case "lines":
      return renderLines(chart);
    case "bars":
      return renderBars(chart);
  }
}

/** The highest value of an axis that begins at 0, and the step of its ticks: 1, 2 or 5 times a power of ten. */
export function axisOf(highest: number): { readonly top: number; readonly step: number } {
  if (!(highest > 0)) return { top: 1, step: 1 };
  const rough = highest / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => power * factor >= rough) ?? 10);
  return { top: Math.ceil(highest / step - 1e-9) * step, step };
}

function renderLines(chart: LineChart): string {
  const points = chart.series.flatMap((series) => series.points);
  const yAxis = axisOf(Math.max(0, ...points.map(({ y }) => y)));
  const xAxis = axisOf(Math.max(0, ...points.map(({ x }) => x)));
  const left = MARGIN + 56;
  const right = WIDTH - MARGIN - 16;
  const bottom = PLOT_TOP + LINES_HEIGHT;
  const x = (value: number): number => left + (value / xAxis.top) * (right - left);
  const y = (value: number): number => bottom - (value / yAxis.top) * LINES_HEIGHT;
  const grid = ticksOf(yAxis).flatMap((value) => [
    line("grid", left, y(value), right, y(value)),
    text("tick end", left - 8, y(value) + 4, formatTick(value)),
  ]);
  const below = ticksOf(xAxis).map((value) => text("tick middle", x(value), bottom + 20, formatTick(value)));
  const drawn = chart.series.flatMap((series, index) => [
    `<polyline class="line c${index}" points="${series.points.map((point) => `${round(x(point.x))},${round(y(point.y))}`).join(" ")}"/>`,
    ...series.points.map(
      (point) => `<circle class="dot c${index}" cx="${round(x(point.x))}" cy="${round(y(point.y))}" r="4"/>`,
    ),
  ]);
  const labels = placeLabels(points.map((point) => ({ x: x(point.x), y: y(point.y) - 10, value: point.y })));
  const parts = [...grid, line("axis", left, bottom, right, bottom), ...below, ...drawn, ...labels];
  parts.push(text("tick middle", (left + right) / 2, bottom + 42, chart.xLabel));
  return wrap(
    chart,
    bottom + 60,
    chart.series.map(({ name }) => name),
    parts,
  );
}

/** Where two values would lie on each other, the later one is left to the table. */
function placeLabels(
  wanted: readonly { readonly x: number; readonly y: number; readonly value: number }[],
): string[] {
  const placed: { readonly x: number; readonly y: number }[] = [];
  return wanted.flatMap((label) => {
    const isClose = placed.some(
      ({ x, y }) => Math.abs(x - label.x) < LABEL_ROOM.x && Math.abs(y - label.y) < LABEL_ROOM.y,
    );
    if (isClose) return [];
    placed.push(label);
    return [text("value middle", label.x, label.y, formatNumber(label.value))];
  });
}

function renderBars(chart: BarChart): string {
  const wrong = chart.parts.find(({ values }) => values.length !== chart.labels.length);
  if (wrong !== undefined) throw new RangeError(`${chart.name}: ${wrong.name} does not fit the labels`);
  const sums = chart.labels.map((_, bar) =>
    chart.parts.reduce((sum, part) => sum + (part.values[bar] ?? 0), 0),
  );
  const axis = axisOf(Math.max(0, ...sums));
  const left = MARGIN + 12 + Math.max(...chart.labels.map(({ length }) => length)) * CHARACTER_WIDTH;
  const right = WIDTH - MARGIN - 48;
  const bottom = PLOT_TOP + chart.labels.length * BAR_STEP;
  const x = (value: number): number => left + (value / axis.top) * (right - left);
  const parts = ticksOf(axis).flatMap((value) => [
    line("grid", x(value), PLOT_TOP, x(value), bottom),
    text("tick middle", x(value), bottom + 20, formatTick(value)),
  ]);
  for (const [bar, label] of chart.labels.entries()) {
    const top = PLOT_TOP + bar * BAR_STEP + (BAR_STEP - BAR_HEIGHT) / 2;
    const middle = top + BAR_HEIGHT / 2 + 4;
    parts.push(text("label end", left - 10, middle, label));
    let begin = 0;
    for (const [index, { values }] of chart.parts.entries()) {
      const value = values[bar] ?? 0;
      const width = round(x(begin + value) - x(begin));
      parts.push(
        `<rect class="bar c${index}" x="${round(x(begin))}" y="${top}" width="${width}" height="${BAR_HEIGHT}"/>`,
      );
      begin += value;
    }
    parts.push(text("value", x(begin) + 8, middle, formatNumber(begin)));
  }
  parts.push(line("axis", left, PLOT_TOP, left, bottom));
  return wrap(
    chart,
    bottom + 40,
    chart.parts.map(({ name }) => name),
    parts,
  );
}

function wrap(chart: Chart, height: number, names: readonly string[], parts: readonly string[]): string {
  const label = escapeXml(`${chart.title}: ${chart.valueLabel}`);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${label}">`,
    `<style>${styleSheet()}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    text("title", MARGIN, TITLE_Y, chart.title),
    text("label", MARGIN, LABEL_Y, chart.valueLabel),
    ...legend(names),
    ...parts,
    "</svg>",
  ].join("\n")}\n`;
}

/** A single series needs no legend: the chart's own title names it. */
function legend(names: readonly string[]): string[] {
  if (names.length < 2) return [];
  let x = MARGIN;
  return names.flatMap((name, index) => {
    const mark = `<rect class="bar c${index}" x="${round(x)}" y="${LEGEND_Y - LEGEND_MARK + 1}" width="${LEGEND_MARK}" height="${LEGEND_MARK}" rx="2"/>`;
    const label = text("label", x + LEGEND_MARK + 6, LEGEND_Y, name);
    x += LEGEND_MARK + 6 + name.length * CHARACTER_WIDTH + 18;
    return [mark, label];
  });
}

function styleSheet(): string {
  const colours = (palette: readonly string[]): string =>
    palette
      .map(
        (colour, index) => `.bar.c${index},.dot.c${index}{fill:${colour}}.line.c${index}{stroke:${colour}}`,
      )
      .join("");
  const theme = (ground: string, ink: string, faint: string, grid: string): string =>
    `.ground{fill:${ground}}text{fill:${ink}}.tick,.label{fill:${faint}}.grid{stroke:${grid}}.axis{stroke:${faint}}`;
  return [
    "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}.title{font-size:17px;font-weight:600}",
    ".value{font-weight:600}.end{text-anchor:end}.middle{text-anchor:middle}.line{fill:none;stroke-width:2.5}",
    theme("#ffffff", "#111827", "#4b5563", "#e5e7eb"),
    colours(LIGHT),
    `@media (prefers-color-scheme:dark){${theme("#0d1117", "#f0f3f6", "#a9b4c0", "#2b333c")}${colours(DARK)}}`,
  ].join("");
}

function ticksOf({ top, step }: { readonly top: number; readonly step: number }): number[] {
  return Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
}

/** Ticks are multiples of a round step: what a sum of fractions adds to one is left out. */
function formatTick(value: number): string {
  return formatNumber(Number(value.toPrecision(6)));
}

function text(classes: string, x: number, y: number, content: string): string {
  return `<text class="${classes}" x="${round(x)}" y="${round(y)}">${escapeXml(content)}</text>`;
}

function line(name: string, fromX: number, fromY: number, toX: number, toY: number): string {
  return `<line class="${name}" x1="${round(fromX)}" y1="${round(fromY)}" x2="${round(toX)}" y2="${round(toY)}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
