// The scaling widget of a notebook: anywidget calls `render` with a model whose traits Python keeps.
// All text is set as text: names may be a stranger's.

const SVG = "http://www.w3.org/2000/svg";
const WAIT = 60; // milliseconds between two factors that are asked for while the slider moves

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function labelled(text, control) {
  return element("label", {}, element("span", {}, text), control);
}

function table(caption, headers, rows, numbers) {
  const cell = (tag, text, column) => element(tag, numbers.includes(column) ? { class: "n" } : {}, text ?? "");
  const head = headers.map((text, column) => {
    const made = cell("th", text, column);
    made.scope = "col";
    return made;
  });
  const lines = rows.map((row) => element("tr", {}, ...row.map((text, column) => cell("td", text, column))));
  return element(
    "table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines),
  );
}

function widthsChart(widths) {
  const [width, height, gap] = [640, 140, 18];
  const chart = document.createElementNS(SVG, "svg");
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.setAttribute("role", "img");
  const most = Math.max(...widths);
  chart.setAttribute("aria-label", `Widths of ${widths.length} blocks, from ${widths[0]} to ${widths.at(-1)} channels`);
  const step = width / widths.length;
  widths.forEach((each, index) => {
    const bar = document.createElementNS(SVG, "rect");
    const tall = (each / most) * (height - gap);
    bar.setAttribute("x", String(index * step));
    bar.setAttribute("y", String(height - tall));
    bar.setAttribute("width", String(Math.max(step - 1, step * 0.6)));
    bar.setAttribute("height", String(tall));
    const said = document.createElementNS(SVG, "title");
    said.textContent = `block ${index}: ${each} channels`;
    bar.append(said);
    chart.append(bar);
  });
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("x", "0");
  text.setAttribute("y", "12");
  text.textContent = `channels by block, at most ${most}`;
  chart.append(text);
  return chart;
}

function render({ model, el }) {
  const select = element("select");
  for (const name of model.get("strategies")) select.append(element("option", { value: name }, name));
  const [least, most] = model.get("ends").map(Math.log2);
  const slider = element("input", { type: "range", min: least, max: most, step: 0.0625 });
  const number = element("input", { type: "number", min: 2 ** least, max: 2 ** most, step: 0.001 });
  const totals = element("div", { "aria-live": "polite" });
  const more = element("div");
  el.classList.add("archdsl-scaling");
  el.append(
    element("div", { class: "controls" },
      labelled("strategy", select), labelled("factor", slider), labelled("exactly", number)),
    totals, more,
  );

  const show = () => {
    const shown = model.get("shown");
    select.value = model.get("strategy");
    number.value = String(model.get("factor"));
    slider.setAttribute("aria-valuetext", String(model.get("factor")));
    if (document.activeElement !== slider) slider.value = String(Math.log2(model.get("factor")));
    if (shown.fault) {
      totals.replaceChildren(element("pre", { role: "alert" }, shown.fault));
      more.replaceChildren();
      return;
    }
    totals.replaceChildren(
      table(`${shown.title}, ${shown.call}, ${shown.input}, hash ${shown.hash}`, ["", "count", "times"],
        shown.totals.map((each) => [each.measure, each.count, each.ratio]), [1, 2]),
      element("p", {}, shown.counted),
    );
    const columns = ["path", "block", "depth", "output", "flops", "params", "acts"];
    const rows = shown.stages.map((stage) => columns.map((name) => stage[name]));
    more.replaceChildren(
      ...(shown.widths.length ? [widthsChart(shown.widths)] : []),
      table("stages", ["stage", ...columns.slice(1)], rows, [2, 4, 5, 6]),
    );
  };

  let asked = null;
  const ask = (name, value) => {
    clearTimeout(asked);
    asked = setTimeout(() => {
      model.set(name, value);
      model.save_changes();
    }, WAIT);
  };
  const round = (factor) => Math.round(factor * 1000) / 1000;
  select.addEventListener("change", () => ask("strategy", select.value));
  slider.addEventListener("input", () => ask("factor", round(2 ** Number(slider.value))));
  number.addEventListener("change", () => {
    const factor = Number(number.value);
    if (factor >= 2 ** least && factor <= 2 ** most) ask("factor", round(factor));
    else number.value = String(model.get("factor"));
  });
  model.on("change:shown", show);
  show();
  return () => {
    clearTimeout(asked);
    model.off("change:shown", show);
  };
}

export default { render };
