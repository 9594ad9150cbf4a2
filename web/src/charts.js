// Charts by Observable Plot. Its style element is taken out before the chart is on the page, which allows none; what it
// says stands in style.css. Colours are those of the page, so that a change of theme needs no new chart.
import * as Plot from "@observablehq/plot";
import { h } from "./dom.js";
import { exact, factor, short } from "./format.js";

const MARK = "chart";
const COLOURS = ["var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)", "var(--series-5)", "var(--series-6)"];

function drawn(box, make, label) {
  const width = Math.max(240, Math.floor(box.clientWidth || 480));
  const chart = Plot.plot({ width, className: MARK, ...make(width) });
  for (const style of [chart, ...chart.querySelectorAll("*")]) if (style.localName === "style") style.remove();
  const svg = chart.localName === "svg" ? chart : chart.querySelector("svg");
  svg?.setAttribute("role", "img");
  svg?.setAttribute("aria-label", label);
  box.replaceChildren(chart);
  return chart;
}

export function widths(box, view) {
  const data = view.blocks.flatMap((block, index) => block.widths.map((width) => ({ ...block, index, width })));
  if (!data.length) return box.replaceChildren(h("p", { class: "quiet" }, "The stages have no widths to draw."));
  const stages = [...new Set(data.map((each) => each.stage))];
  return drawn(
    box,
    () => ({
      height: 220,
      marginLeft: 44,
      x: { label: "block", tickFormat: "d", ticks: Math.min(12, view.blocks.length) },
      y: { label: "width", grid: true, zero: true },
      color: { domain: stages, range: stages.map((_, i) => COLOURS[i % COLOURS.length]) },
      marks: [
        Plot.ruleY([0]),
        Plot.lineY(data, { x: "index", y: "width", curve: "step", stroke: "var(--muted)", strokeWidth: 1.25 }),
        Plot.dot(data, {
          x: "index",
          y: "width",
          fill: "stage",
          r: data.length > 80 ? 2.5 : 4,
          tip: { format: { x: false, y: false, fill: false } },
          title: (each) => `${each.path}\nwidth ${exact(each.width)}\n${short(each.flops)} flops, ${short(each.params)} params`,
        }),
      ],
    }),
    `Widths of the ${view.blocks.length} blocks, from ${data[0].width} to ${data.at(-1).width}`,
  );
}

export function costs(box, view) {
  const data = view.rows.flatMap((row) =>
    ["flops", "params", "acts"].map((measure) => ({
      path: row.path,
      measure,
      amount: row[measure],
      share: view[measure] ? row[measure] / view[measure] : 0,
    })),
  );
  return drawn(
    box,
    () => ({
      height: 220,
      marginLeft: 44,
      x: { axis: null, domain: ["flops", "params", "acts"] },
      fx: { label: null, domain: view.rows.map((row) => row.path), tickFormat: (path) => path.replace("stages.", "") },
      y: { label: "share of the total", grid: true, percent: true },
      color: { domain: ["flops", "params", "acts"], range: ["var(--flops)", "var(--params)", "var(--acts)"], legend: true },
      marks: [
        Plot.ruleY([0]),
        Plot.barY(data, {
          fx: "path",
          x: "measure",
          y: "share",
          fill: "measure",
          tip: { format: { x: false, y: false, fill: false, fx: false } },
          title: (each) => `${each.path}\n${exact(each.amount)} ${each.measure}, ${(100 * each.share).toFixed(1)} %`,
        }),
      ],
    }),
    "Shares of flops, params and acts by stage; the table has the numbers",
  );
}

export function scaling(box, rows, measure) {
  const strategies = [...new Set(rows.map((row) => row.strategy))];
  return drawn(
    box,
    () => ({
      height: 340,
      marginLeft: 56,
      marginRight: 24,
      x: { type: "log", base: 2, label: "factor", tickFormat: factor, grid: true },
      y: { type: "log", label: measure, grid: true, tickFormat: short },
      color: { domain: strategies, range: strategies.map((_, i) => COLOURS[i % COLOURS.length]), legend: true },
      symbol: { domain: strategies },
      marks: [
        Plot.lineY(rows, { x: "factor", y: measure, stroke: "strategy", strokeWidth: 1.75 }),
        Plot.dot(rows, {
          x: "factor",
          y: measure,
          stroke: "strategy",
          fill: "var(--surface)",
          symbol: "strategy",
          r: 4,
          tip: { format: { x: false, y: false, stroke: false, symbol: false } },
          title: (row) =>
            `${row.strategy} ${factor(row.factor)}\n${exact(row.flops)} flops\n${exact(row.params)} params\n${exact(row.acts)} acts`,
        }),
      ],
    }),
    `${measure} against the factor for ${strategies.join(", ")}; the table has the numbers`,
  );
}

export function compared(box, stages, measure, names) {
  const data = stages.flatMap((stage) => [
    { path: stage.path, side: names[0], amount: stage[`${measure}_a`] ?? 0 },
    { path: stage.path, side: names[1], amount: stage[`${measure}_b`] ?? 0 },
  ]);
  return drawn(
    box,
    () => ({
      height: 260,
      marginLeft: 56,
      x: { axis: null, domain: names },
      fx: { label: null, domain: stages.map((each) => each.path), tickFormat: (path) => path.replace("stages.", "") },
      y: { label: measure, grid: true, tickFormat: short },
      color: { domain: names, range: ["var(--series-1)", "var(--series-2)"], legend: true },
      marks: [
        Plot.ruleY([0]),
        Plot.barY(data, {
          fx: "path",
          x: "side",
          y: "amount",
          fill: "side",
          tip: { format: { x: false, y: false, fill: false, fx: false } },
          title: (each) => `${each.side}\n${each.path}: ${exact(each.amount)} ${measure}`,
        }),
      ],
    }),
    `${measure} by stage of both models; the table has the numbers`,
  );
}

// Members of a space; a click opens the one that is pointed at.
export function population(box, members, x, y, open) {
  const chart = drawn(
    box,
    () => ({
      height: 360,
      marginLeft: 56,
      x: { label: x, grid: true, tickFormat: short, ticks: 6, type: spread(members, x) },
      y: { label: y, grid: true, tickFormat: short, ticks: 6, type: spread(members, y) },
      marks: [
        Plot.dot(members, {
          x,
          y,
          r: 4,
          fill: "var(--series-1)",
          fillOpacity: 0.55,
          stroke: "var(--surface)",
          strokeWidth: 0.75,
          tip: { format: { x: false, y: false } },
          title: (each) => [...each.said, "click to open"].join("\n"),
        }),
      ],
    }),
    `${members.length} members by ${x} and ${y}; the table lists them`,
  );
  chart.addEventListener("click", () => chart.value && open(chart.value));
  return chart;
}

function spread(rows, column) {
  const values = rows.map((row) => row[column]);
  const low = Math.min(...values);
  return low > 0 && Math.max(...values) > 8 * low ? "log" : "linear";
}
