// The totals, and the stages with charts below.
import { costs, widths } from "../charts.js";
import { $, bar, h, table } from "../dom.js";
import { MEASURES, bytes, exact, percent, shape, shapes, short, times } from "../format.js";

const WORDS = { flops: "flops", params: "params", acts: "acts" };

export function showSummary(page) {
  const { view } = page;
  $("results").toggleAttribute("data-stale", page.stale);
  if (!view) {
    const { spaces, models } = page.names;
    const said = spaces.length && !models.length ? "a space of networks: see Population" : page.stale ? "no model yet" : "";
    $("facts").replaceChildren(said);
    $("totals").replaceChildren();
    return;
  }
  const hash = h("span", { class: "hash", title: `hash ${view.hash}` }, view.hash.slice(0, 12));
  $("facts").replaceChildren(
    h("span", {}, `input ${shape(view.input)}`),
    h("span", {}, `${exact(view.operations)} operations`),
    hash,
    ...(page.stale ? [h("span", { class: "old" }, "of the last text without faults")] : []),
  );
  const unit = { flops: view.convention.unit, params: view.convention.params_unit, acts: view.convention.acts_unit };
  const totals = MEASURES.map((measure) =>
    h(
      "div",
      { class: measure, title: unit[measure] },
      h("dt", {}, WORDS[measure]),
      h("dd", {}, h("strong", {}, short(view[measure])), h("span", { class: "exact", id: `total-${measure}` }, exact(view[measure])), view.base && h("span", { class: "times" }, times(view[measure], view.base[measure]))),
    ),
  );
  totals.push(
    h(
      "div",
      { class: "memory", title: "as 32-bit numbers; the peak is of activations at inference, one image" },
      h("dt", {}, "memory"),
      h("dd", {}, h("strong", {}, bytes(view.weights_bytes)), h("span", { class: "exact" }, `peak ${bytes(view.peak_bytes)}`)),
    ),
  );
  $("totals").replaceChildren(...totals);
}

export function showModel(page, panel) {
  const { view } = page;
  if (!view) return panel.replaceChildren(h("p", { class: "quiet" }, "The stages stand here as soon as the text has a model."));
  const cell = (row, measure) => h("div", { class: "cell" }, bar(view[measure] ? row[measure] / view[measure] : 0, measure), h("span", {}, exact(row[measure])));
  const rows = view.rows.map((row) => [
    row.path,
    row.block ?? "",
    row.depth ?? "",
    shapes(row.outputs),
    cell(row, "flops"),
    percent(row.flops, view.flops),
    cell(row, "params"),
    cell(row, "acts"),
  ]);
  const stages = table(`Stages of ${view.model}`, ["stage", "block", "depth", "output", "flops", "%", "params", "acts"], rows, {
    footer: ["total", "", "", "", exact(view.flops), "", exact(view.params), exact(view.acts)],
    numbers: [2, 3, 4, 5, 6, 7],
  });
  let charts = panel.querySelector(".charts");
  if (!charts) {
    charts = h(
      "div",
      { class: "charts" },
      h("figure", {}, h("figcaption", {}, "Width by block"), h("div", { class: "drawing", "data-chart": "widths" })),
      h("figure", {}, h("figcaption", {}, "Cost by stage"), h("div", { class: "drawing", "data-chart": "costs" })),
    );
    panel.replaceChildren(stages, charts, h("div", { class: "changes" }));
  } else {
    // The region keeps its place and its scroll.
    const old = panel.querySelector(".scroller");
    const left = old.scrollLeft;
    old.replaceWith(stages);
    stages.scrollLeft = left;
  }
  const [first, second] = charts.querySelectorAll(".drawing");
  widths(first, view);
  costs(second, view);
  panel.querySelector(".changes").replaceChildren(...changes(view));
}

function changes(view) {
  if (!view.changes.length) return [];
  const rows = view.changes.slice(0, 200).map((each) => [each.path, each.base, each.multiplied, each.adjusted, each.rule]);
  return [
    h(
      "details",
      {},
      h("summary", {}, `What the scaling changed (${view.changes.length})`),
      table("What the scaling changed", ["path", "before", "multiplied", "after", "rule"], rows.map((row) => row.map(String)), { numbers: [1, 2, 3] }),
    ),
  ];
}
