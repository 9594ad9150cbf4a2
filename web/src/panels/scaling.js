// Costs against the factor, for several strategies.
import { scaling } from "../charts.js";
import { h, options, table } from "../dom.js";
import { MEASURES, exact, factor, shape, times } from "../format.js";

const STRATEGIES = ["d", "w", "r", "dwr", "dWr"];
const state = { strategies: null, most: 16, measure: "flops", rows: [], key: null };

export function showScaling(page, panel, { resized = false } = {}) {
  if (!page.view) return panel.replaceChildren(h("p", { class: "quiet" }, "The curves stand here as soon as the text has a model."));
  if (!state.strategies) state.strategies = new Set(STRATEGIES.filter((name) => page.names.strategies.includes(name)));
  if (!panel.querySelector(".tools")) build(page, panel);
  if (!resized) ask(page, panel);
  else draw(panel);
}

function build(page, panel) {
  const chips = h(
    "fieldset",
    { class: "chips" },
    h("legend", {}, "Strategies"),
    page.names.strategies.map((name) =>
      h(
        "label",
        {},
        h("input", {
          type: "checkbox",
          checked: state.strategies.has(name),
          onchange: (event) => {
            if (event.target.checked) state.strategies.add(name);
            else state.strategies.delete(name);
            ask(page, panel);
          },
        }),
        h("span", {}, name),
      ),
    ),
  );
  const most = h("select", { onchange: () => ((state.most = Number(most.value)), ask(page, panel)) });
  options(most, ["2", "4", "8", "16", "32", "64"], String(state.most));
  const measure = h("select", { onchange: () => ((state.measure = measure.value), draw(panel)) });
  options(measure, MEASURES, state.measure);
  panel.replaceChildren(
    h("div", { class: "tools" }, h("label", {}, "Measure ", measure), h("label", {}, "Factors to ", most)),
    chips,
    h("p", { class: "quiet said", role: "status" }),
    h("div", { class: "drawing" }),
    h("div", { class: "numbers" }),
  );
}

async function ask(page, panel) {
  const steps = state.most > 8 ? 1 : 2; // from a factor to its double
  const factors = Array.from({ length: steps * Math.log2(state.most) + 1 }, (_, step) => factor(2 ** (step / steps)));
  const request = { kind: "scaling", ...page.base(), strategies: [...state.strategies], factors };
  const key = JSON.stringify(request);
  if (key === state.key) return draw(panel);
  const said = panel.querySelector(".said");
  if (!state.strategies.size) {
    state.rows = [];
    said.textContent = "Choose a strategy.";
    return draw(panel);
  }
  said.textContent = "Compiling …";
  const answer = await page.ask(request);
  if (!answer) return;
  state.key = key;
  state.rows = answer.scaled ?? [];
  const missing = state.strategies.size * factors.length - state.rows.length;
  said.textContent = answer.fault ?? (missing && answer.problems[0] ? `${missing} have no network: ${answer.problems[0].message}` : "");
  draw(panel);
}

function draw(panel) {
  const { rows, measure } = state;
  const box = panel.querySelector(".drawing");
  if (!rows.length) {
    box.replaceChildren();
    return panel.querySelector(".numbers").replaceChildren();
  }
  scaling(box, rows, measure);
  panel
    .querySelector(".numbers")
    .replaceChildren(
      table(
        "Scaled networks",
        ["strategy", "factor", "input", ...MEASURES, "flops ratio", "acts ratio"],
        rows.map((row) => [row.strategy, factor(row.factor), shape(row.input), ...MEASURES.map((each) => exact(row[each])), times(row.flops_ratio, 1), times(row.acts_ratio, 1)]),
        { numbers: [1, 2, 3, 4, 5, 6, 7] },
      ),
    );
}
