// The page: what it knows, what it asks for, and what it shows of the answers.
import { engine } from "./engine.js";
import { Editor } from "./editor.js";
import { $, copy, h, options } from "./dom.js";
import { exact, factor as written } from "./format.js";
import { packed, unpacked } from "./link.js";
import { opening } from "./opening.js";
import { showCompare } from "./panels/compare.js";
import { showModel, showSummary } from "./panels/model.js";
import { showModule } from "./panels/module.js";
import { showPicture } from "./panels/picture.js";
import { showPopulation } from "./panels/population.js";
import { showScaling } from "./panels/scaling.js";
import { theme } from "./theme.js";

const PAUSE = 120; // milliseconds without a key before the text is compiled
const TABS = ["model", "picture", "scaling", "compare", "population", "module"];
const PANELS = {
  model: showModel,
  picture: showPicture,
  scaling: showScaling,
  compare: showCompare,
  population: showPopulation,
  module: showModule,
};

export const page = {
  engine: null,
  editor: null,
  start: null,
  path: "",
  model: "",
  strategy: "dWr",
  factor: 1,
  goal: null, // { budget, within } while a factor is solved for
  tab: "model",
  names: { models: [], spaces: [], strategies: [] },
  view: null,
  stale: false, // whether the view is of an older text, since this one has faults
  version: 0, // of what is asked: text, model, factor
  digest: null,
  back: null,

  get text() {
    return this.editor.text;
  },

  // What every question is about.
  base() {
    return { text: this.text, path: this.path, model: this.model };
  },

  scaled() {
    if (this.goal) return { ...this.base(), scalings: [this.strategy], ...this.goal };
    return { ...this.base(), scalings: this.factor === 1 ? [] : [`${this.strategy}:${written(this.factor)}`] };
  },

  ask(request, channel) {
    return this.engine.ask(request, channel);
  },

  // The networks and spaces to choose from, which are asked for once.
  shipped() {
    this.list ??= this.engine.shipped();
    return this.list;
  },

  say(text) {
    $("status").textContent = text;
  },

  // Show another text in place of this one; the old one is a click away.
  load({ text, path }, { model = "", back = null } = {}) {
    this.back = back;
    this.view = null;
    this.names = { models: [], spaces: [], strategies: this.names.strategies };
    this.path = path;
    this.model = model;
    this.factor = 1;
    this.goal = null;
    this.editor.replace(text);
    notice(back);
    controls();
    named();
    changed();
  },

  refresh: () => shown(),
};

// Asking

let timer = 0;

function changed() {
  page.version += 1;
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
}

async function ask() {
  edit();
  view();
}

async function edit() {
  const text = page.text;
  const answer = await page.ask({ kind: "edit", text, path: page.path });
  if (!answer || text !== page.text) return;
  const found = answer.edit ?? { problems: [], hints: [] };
  page.editProblems = found.problems;
  showProblems(text);
  page.editor.showHints(found.hints, text);
}

async function view() {
  const request = { kind: "view", ...page.scaled(), picture: page.tab === "picture" };
  busy(true);
  const answer = await page.ask(request);
  if (!answer) return;
  busy(false);
  page.viewProblems = answer.fault ? [said(answer.fault)] : answer.problems;
  if (answer.names) page.names = answer.names;
  page.stale = !answer.view && page.view !== null;
  if (answer.view) {
    page.view = answer.view;
    page.seen = request;
  }
  if (!answer.view && page.goal) {
    $("solved").textContent = answer.fault ?? answer.problems[0]?.message ?? "";
  }
  showProblems(request.text);
  chosen();
  shown();
}

const said = (message) => ({ code: "", severity: "error", message, place: { path: "", start: 0, end: 0 }, label: "", related: [], help: null, changes: [] });

function busy(on) {
  $("results").toggleAttribute("data-busy", on);
}

// Showing

function shown() {
  showSummary(page);
  showSolved();
  PANELS[page.tab](page, $(`panel-${page.tab}`));
}

function chosen() {
  const { models, spaces, strategies } = page.names;
  options($("model"), models, page.view && !page.stale ? page.view.model : page.model);
  $("model").disabled = models.length < 2;
  options($("strategy"), strategies.length ? strategies : [page.strategy], page.strategy);
  if (strategies.length && !strategies.includes(page.strategy)) page.strategy = $("strategy").value;
  $("results").toggleAttribute("data-space", models.length === 0 && spaces.length > 0);
  $("tab-population").toggleAttribute("data-some", spaces.length > 0);
}

function showSolved() {
  const solved = page.view?.solved[0];
  if (!page.goal || !solved || page.stale) {
    if (!page.goal) $("solved").textContent = "";
    return;
  }
  const rest = solved.reached - solved.target;
  const off = rest ? `${exact(Math.abs(rest))} (${Math.abs(solved.residual_percent).toFixed(2)} %) ${rest < 0 ? "below" : "above"}` : "exactly";
  const steps = solved.moved.map((step) => `${step.path} ${step.before} → ${step.after}`).join(", ");
  $("solved").textContent =
    `${solved.scaling}: factor ${solved.factor} reaches ${exact(solved.reached)} ${solved.measure}, ${off} ${exact(solved.target)}` +
    (steps ? `; steps of single stages: ${steps}` : "");
  const number = Number(solved.factor);
  if (number > 0) {
    $("factor").value = Math.log2(number);
    $("number").value = solved.factor;
  }
}

function own(path) {
  return path === page.path.replace(/^archdsl:/, "") || (page.path === "" && path === "untitled.arch");
}

function showProblems(text) {
  const all = [...(page.editProblems ?? []), ...(page.viewProblems ?? [])];
  const seen = new Set();
  const found = all.filter((problem) => {
    const key = JSON.stringify([problem.code, problem.message, problem.place]);
    return seen.has(key) ? false : seen.add(key);
  });
  const here = found.filter((problem) => own(problem.place.path));
  page.editor.showProblems(here, text);
  const errors = found.filter((problem) => problem.severity === "error").length;
  const words = [count(errors, "fault"), count(found.length - errors, "warning")].filter(Boolean).join(", ") || "No faults";
  const head = $("problems-head");
  if (head.textContent !== words) {
    head.textContent = words;
    page.say(found.length ? `${words}: ${found[0].message}` : words);
  }
  head.dataset.state = errors ? "error" : found.length ? "warning" : "good";
  $("problems").replaceChildren(...found.slice(0, 50).map((problem) => item(problem, text)));
}

const count = (number, word) => (number ? `${number} ${word}${number > 1 ? "s" : ""}` : "");

function item(problem, text) {
  const here = own(problem.place.path);
  const line = text.slice(0, problem.place.start).split("\n").length;
  return h(
    "li",
    { class: problem.severity },
    h(
      "button",
      { type: "button", class: "where", disabled: !here, onclick: () => page.editor.show(problem.place.start, problem.place.end) },
      h("span", { class: "code" }, problem.code),
      h("span", { class: "message" }, problem.message),
      h("span", { class: "line" }, here ? `line ${line}` : problem.place.path),
    ),
    problem.help && h("p", { class: "help" }, problem.help),
    here &&
      problem.changes.length > 0 &&
      h("button", { type: "button", class: "fix", onclick: () => page.editor.apply(problem.changes, text) }, "Fix"),
  );
}

export function notice(back, text = "Another text is shown.") {
  const box = $("notice");
  box.hidden = !back;
  if (!back) return box.replaceChildren();
  box.replaceChildren(
    h("span", {}, back.said ?? text),
    h("button", { type: "button", onclick: () => page.load(back, { model: back.model }) }, back.button ?? "Back"),
  );
}

function named() {
  $("file").textContent = page.path.replace(/^archdsl:/, "") || "untitled.arch";
  $("save").hidden = !(page.start.saved && page.path === page.start.path);
}

// Controls

function controls() {
  $("factor").value = Math.log2(page.factor);
  $("number").value = written(page.factor);
  $("factor").setAttribute("aria-valuetext", `${written(page.factor)} times`);
}

function scale(number) {
  page.factor = Math.max(0.001, Math.round(number * 1000) / 1000);
  page.goal = null;
  page.version += 1;
  view();
}

function listen() {
  $("factor").addEventListener("input", () => {
    const number = Math.round(2 ** Number($("factor").value) * 100) / 100;
    $("number").value = written(number);
    $("factor").setAttribute("aria-valuetext", `${written(number)} times`);
    scale(number);
  });
  $("number").addEventListener("input", () => {
    const number = Number($("number").value);
    if (!(number > 0 && number < 1e6)) return;
    $("factor").value = Math.log2(number);
    scale(number);
  });
  $("reset").addEventListener("click", () => {
    page.goal = null;
    page.factor = 1;
    controls();
    scale(1);
  });
  $("strategy").addEventListener("change", () => {
    page.strategy = $("strategy").value;
    page.version += 1;
    view();
  });
  $("model").addEventListener("change", () => {
    page.model = $("model").value;
    page.version += 1;
    view();
  });
  $("solve").addEventListener("submit", (event) => {
    event.preventDefault();
    const within = $("within").value.trim();
    page.goal = {
      budget: `${$("measure").value}=${$("amount").value.trim()}`,
      within: within && within !== "any" ? (within.endsWith("%") ? within : `${within}%`) : "",
    };
    page.version += 1;
    $("solved").textContent = "Solving …";
    view();
  });
  $("format").addEventListener("click", async () => {
    const text = page.text;
    const answer = await page.ask({ kind: "format", text, path: page.path });
    if (answer?.opened && text === page.text && answer.opened.text !== text) page.editor.replace(answer.opened.text);
    page.say(answer?.opened ? "Formatted" : (answer?.fault ?? answer?.problems[0]?.message ?? ""));
  });
  $("link").addEventListener("click", async () => {
    const hash = await packed({
      text: page.text,
      model: page.model,
      strategy: page.strategy,
      factor: page.factor === 1 ? "" : written(page.factor),
      tab: page.tab,
    });
    history.replaceState(null, "", hash);
    copy(location.href, $("link"));
  });
  $("save").addEventListener("click", save);
  tabs();
  theme($("theme"));
  opening(page);
  let resizing = 0;
  new ResizeObserver(() => {
    clearTimeout(resizing);
    resizing = setTimeout(() => page.view && PANELS[page.tab](page, $(`panel-${page.tab}`), { resized: true }), 100);
  }).observe($("results"));
}

function tabs() {
  for (const name of TABS) {
    $(`tab-${name}`).addEventListener("click", () => turn(name));
    $(`tab-${name}`).addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const ends = { Home: 0, End: TABS.length - 1 }[event.key];
      if (step === undefined && ends === undefined) return;
      event.preventDefault();
      const next = TABS[ends ?? (TABS.indexOf(name) + step + TABS.length) % TABS.length];
      turn(next);
      $(`tab-${next}`).focus();
    });
  }
}

function turn(name) {
  page.tab = name;
  for (const each of TABS) {
    const on = each === name;
    $(`tab-${each}`).setAttribute("aria-selected", String(on));
    $(`tab-${each}`).tabIndex = on ? 0 : -1;
    $(`panel-${each}`).hidden = !on;
  }
  if (name === "picture" && page.view && !page.view.picture) view();
  shown();
}

// The file on the disk

async function save() {
  const answer = await page.engine.write(page.text, page.digest);
  if (answer.conflict) return notice(null), onDisk(true);
  if (answer.fault) return page.say(`Not saved: ${answer.fault}`), flash("Not saved");
  page.digest = answer.digest;
  page.saved = page.text;
  flash("Saved");
}

function flash(text) {
  page.say(text);
  $("save").textContent = text;
  setTimeout(() => ($("save").textContent = "Save"), 1500);
}

async function onDisk(asked = false) {
  const found = await page.engine.read();
  if (found.fault) return page.say(`The file cannot be read: ${found.fault}`);
  if (found.digest === page.digest) return;
  const fresh = page.path === page.start.path && page.text === page.saved;
  if (fresh && !asked) {
    page.digest = found.digest;
    page.saved = unified(found.text);
    page.editor.replace(found.text);
    page.say("The file has changed and was loaded again");
    return;
  }
  const box = $("notice");
  box.hidden = false;
  const take = (keep) => {
    page.digest = found.digest;
    page.saved = unified(found.text);
    notice(null);
    if (!keep) page.load({ text: found.text, path: page.start.path });
  };
  box.replaceChildren(
    h("span", {}, "The file has changed on the disk."),
    h("button", { type: "button", onclick: () => take(false) }, "Load it"),
    h("button", { type: "button", onclick: () => take(true) }, "Keep this text"),
  );
  page.say("The file has changed on the disk");
}

const unified = (text) => text.replace(/\r\n?/g, "\n");

// Beginning

async function begin() {
  page.editor = new Editor($("editor"), {
    changed,
    complete: async (offset) => (await page.ask({ kind: "complete", ...page.base(), offset }))?.completion,
    hover: async (offset) => (await page.ask({ kind: "hover", ...page.base(), offset }))?.hover,
  });
  page.engine = await engine((text) => {
    $("progress").hidden = !text;
    $("progress").textContent = text;
    page.say(text);
  });
  page.start = await page.engine.start();
  listen();
  const link = await unpacked(location.hash);
  if (link) {
    page.model = link.model ?? "";
    page.strategy = link.strategy ?? page.strategy;
    page.factor = Number(link.factor) > 0 ? Number(link.factor) : 1;
    page.editor.replace(link.text, { fresh: true });
    if (TABS.includes(link.tab)) turn(link.tab);
  } else {
    page.path = page.start.path;
    page.model = page.start.model;
    page.editor.replace(page.start.text, { fresh: true });
    page.saved = page.text;
  }
  controls();
  named();
  clearTimeout(timer);
  ask();
  if (page.engine.kind === "server" && page.start.saved) {
    const found = await page.engine.read();
    if (!found.fault) page.digest = found.digest;
  }
  page.engine.watch?.(() => page.start.saved && onDisk(), ask);
}

window.addEventListener("hashchange", async () => {
  const link = await unpacked(location.hash);
  if (link && link.text !== page.text) page.load({ text: link.text, path: "" }, { model: link.model ?? "" });
});

begin().catch((fault) => {
  $("progress").hidden = false;
  $("progress").textContent = `The page does not start: ${fault.message}`;
});
