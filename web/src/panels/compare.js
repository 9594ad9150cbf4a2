// This text beside another: what differs, and what it costs by stage.
import { compared } from "../charts.js";
import { h, options, table } from "../dom.js";
import { MEASURES, exact, short, signed } from "../format.js";

const state = { other: null, model: "", measure: "flops", report: null, key: null };

export function showCompare(page, panel, { resized = false } = {}) {
  if (!panel.querySelector(".tools")) build(page, panel);
  if (resized) draw(panel);
  else ask(page, panel);
}

function build(page, panel) {
  const other = h("select", { id: "other", onchange: () => choose(page, panel, other.value) }, h("option", { value: "" }, "choose …"));
  page.shipped().then((files) =>
    other.append(
      ...families(files.filter((file) => file.models.length)).map(([family, names]) =>
        h("optgroup", { label: family }, names.map(([name, path]) => h("option", { value: `${path}:${name}` }, name))),
      ),
    ),
  );
  const pin = h(
    "button",
    {
      type: "button",
      onclick: () => {
        state.other = { text: page.text, path: page.path, said: "this text as it was" };
        state.model = page.view?.model ?? "";
        ask(page, panel);
      },
    },
    "This text as it is now",
  );
  const file = h("input", {
    type: "file",
    accept: ".arch,text/plain",
    onchange: async () => {
      if (!file.files[0]) return;
      state.other = { text: await file.files[0].text(), path: "", said: file.files[0].name };
      state.model = "";
      ask(page, panel);
    },
  });
  const measure = h("select", { onchange: () => ((state.measure = measure.value), draw(panel)) });
  options(measure, MEASURES, state.measure);
  panel.replaceChildren(
    h("div", { class: "tools" }, h("label", {}, "With ", other), pin, h("label", { class: "upload" }, "A file of yours ", file), h("label", {}, "Measure ", measure)),
    h("p", { class: "quiet said", role: "status" }, "Choose what this text is compared with."),
    h("div", { class: "drawing" }),
    h("div", { class: "numbers" }),
  );
}

function families(files) {
  const found = new Map();
  for (const file of files) {
    if (!found.has(file.family)) found.set(file.family, []);
    found.get(file.family).push(...file.models.map((name) => [name, file.path]));
  }
  return [...found];
}

async function choose(page, panel, value) {
  if (!value) return;
  const at = value.lastIndexOf(":");
  const answer = await page.ask({ kind: "open", name: value.slice(0, at) }, "open other");
  if (!answer?.opened) return;
  state.other = { ...answer.opened, said: value.slice(at + 1) };
  state.model = value.slice(at + 1);
  ask(page, panel);
}

async function ask(page, panel) {
  if (!state.other) return;
  const request = { kind: "compare", ...page.base(), other: state.other.text, other_path: state.other.path, other_model: state.model };
  const key = JSON.stringify(request);
  if (key === state.key) return draw(panel);
  const answer = await page.ask(request);
  if (!answer) return;
  state.key = key;
  state.report = answer.compared;
  const said = panel.querySelector(".said");
  said.textContent = answer.compared ? sentence(answer.compared) : (answer.fault ?? answer.problems[0]?.message ?? "There is nothing to compare.");
  draw(panel);
}

function sentence(report) {
  if (report.same) return "Both mean the same.";
  const word = report.differences.length === 1 ? "difference" : "differences";
  const same = report.same_network ? "; the networks are the same" : "";
  return `${report.differences.length} ${word} from ${report.a.model} to ${report.b.model}${same}`;
}

function draw(panel) {
  const { report, measure } = state;
  const box = panel.querySelector(".drawing");
  const numbers = panel.querySelector(".numbers");
  if (!report) {
    box.replaceChildren();
    return numbers.replaceChildren();
  }
  const names = [report.a.model, report.b.model === report.a.model ? `${report.b.model} (other)` : report.b.model];
  compared(box, report.stages, measure, names);
  const [a, b] = [`${measure}_a`, `${measure}_b`];
  const stages = table(
    `${measure} by stage`,
    ["stage", names[0], names[1], "change"],
    report.stages.map((stage) => [stage.path, cell(stage[a]), cell(stage[b]), signed(stage[a], stage[b])]),
    { footer: ["total", exact(report.a[measure]), exact(report.b[measure]), signed(report.a[measure], report.b[measure])], numbers: [1, 2, 3] },
  );
  const marks = { "+": "added", "-": "removed", "~": "changed" };
  const differences = table(
    "What differs",
    ["part", "how", names[0], names[1]],
    report.differences.slice(0, 300).map((each) => ({ cells: [each.path, h("span", { class: marks[each.sign], title: marks[each.sign] }, marks[each.sign]), each.a ?? "", each.b ?? ""] })),
  );
  numbers.replaceChildren(stages, ...(report.differences.length ? [h("h3", {}, "What differs"), differences] : []));
  numbers.dataset.total = short(report.b[measure]);
}

const cell = (number) => (number === null ? "" : exact(number));
