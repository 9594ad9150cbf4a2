// Members of a space, drawn a few at a time, so that the page shows them as they come; or the rows of a table.
import { population } from "../charts.js";
import { h, options, table } from "../dom.js";
import { MEASURES, exact } from "../format.js";

const PIECE = 10;
const MOST = 100; // draws that are looked at for one member that is wanted
const DRAWN = ["index", ...MEASURES];
const state = {
  members: [],
  columns: DRAWN,
  looked: 0,
  refused: 0,
  wanted: 50,
  seed: 0,
  x: "flops",
  y: "params",
  space: "",
  run: 0,
  key: null,
  fault: "",
  file: "",
};

export function showPopulation(page, panel, { resized = false } = {}) {
  const { spaces } = page.names;
  if (!spaces.length && !state.members.length) {
    return panel.replaceChildren(h("p", { class: "quiet" }, "The text has no space. Under Open, spaces stand beside the networks: AnyNetX, RegNetX and others."));
  }
  if (page.space && spaces.includes(page.space)) {
    state.space = page.space;
    page.space = "";
  }
  if (!spaces.includes(state.space) && spaces.length) state.space = spaces[0];
  if (!panel.querySelector(".tools")) build(page, panel);
  if (spaces.length) options(panel.querySelector("#space"), spaces, state.space);
  draw(page, panel);
  if (!resized && spaces.length && key(page) !== state.key && !state.members.length) run(page, panel);
}

const key = (page) => JSON.stringify([page.text, state.space, state.seed]);

function build(page, panel) {
  const space = h("select", { id: "space", onchange: () => ((state.space = space.value), run(page, panel)) });
  const wanted = h("input", { type: "number", min: 1, max: 5000, value: state.wanted, id: "wanted", onchange: () => ((state.wanted = number(wanted, 5000)), run(page, panel)) });
  const seed = h("input", { type: "number", min: 0, max: 1e9, value: state.seed, id: "seed", onchange: () => ((state.seed = number(seed, 1e9, 0)), run(page, panel)) });
  const axis = (name, label) => h("label", {}, `${label} `, h("select", { id: `axis-${name}`, onchange: (event) => ((state[name] = event.target.value), draw(page, panel)) }));
  const stop = h("button", { type: "button", class: "stop", onclick: () => (state.run += 1) }, "Stop");
  const file = h("input", { id: "table", type: "file", accept: ".csv,.jsonl", onchange: () => file.files[0] && load(page, panel, file.files[0]) });
  panel.replaceChildren(
    h("div", { class: "tools" }, h("label", {}, "Space ", space), h("label", {}, "Members ", wanted), h("label", {}, "Seed ", seed), axis("x", "Across"), axis("y", "Up"), stop),
    h("div", { class: "tools" }, h("label", { class: "upload" }, "Or a table of yours ", file)),
    h("p", { class: "quiet said", role: "status" }),
    h("div", { class: "drawing", title: "Click on a member to open it" }),
    h("div", { class: "numbers" }),
  );
}

function number(input, most, least = 1) {
  const found = Math.max(least, Math.min(most, Math.round(Number(input.value) || 0)));
  input.value = found;
  return found;
}

async function run(page, panel) {
  const mine = (state.run += 1);
  Object.assign(state, { key: key(page), members: [], columns: DRAWN, looked: 0, refused: 0, fault: "", file: "", text: page.text, path: page.path });
  draw(page, panel);
  const { text, path } = state;
  const wanting = () => state.members.length < state.wanted && state.looked < MOST * state.wanted;
  while (wanting() && mine === state.run) {
    const answer = await page.ask({ kind: "population", text, path, model: state.space, seed: state.seed, start: state.looked, count: PIECE });
    if (!answer || mine !== state.run) break;
    if (!answer.population) {
      state.fault = answer.fault ?? answer.problems[0]?.message ?? "the space has faults";
      break;
    }
    state.members.push(...answer.population.members.map(drawn));
    state.looked += answer.population.looked;
    state.refused += answer.population.refused;
    draw(page, panel, mine === state.run && wanting());
  }
  draw(page, panel);
}

const drawn = (member) => ({
  ...member,
  said: [`draw ${member.index}`, ...member.values.slice(0, 8), ...MEASURES.map((name) => `${exact(member[name])} ${name}`)],
});

// A population that was sampled or trained: any of its columns of numbers can be drawn.
async function load(page, panel, file) {
  const mine = (state.run += 1);
  if (file.size > 4 << 20) return refuse(page, panel, "the table has more than four mebibytes");
  const answer = await page.ask({ kind: "table", name: file.name, other: await file.text() });
  if (!answer || mine !== state.run) return;
  if (!answer.table) return refuse(page, panel, answer.fault);
  const { columns, rows, spaces } = answer.table;
  const members = rows.map((row) => ({
    ...Object.fromEntries(columns.map((name, place) => [name, row.numbers[place]])),
    index: row.index,
    row: row.row,
    said: [`row ${row.index}`, ...columns.slice(0, 12).map((name, place) => `${name} ${row.numbers[place] ?? "–"}`)],
  }));
  Object.assign(state, { members, columns, looked: 0, refused: 0, fault: "", file: file.name, key: key(page), text: page.text, path: page.path });
  if (spaces.length === 1 && page.names.spaces.includes(spaces[0])) state.space = spaces[0];
  draw(page, panel);
}

function refuse(page, panel, fault) {
  state.fault = fault;
  draw(page, panel);
}

function draw(page, panel, running = false) {
  const { members, columns, looked, refused, file } = state;
  panel.querySelector(".stop").disabled = !running;
  const counted = file ? `${members.length} rows of ${file}` : looked ? `${members.length} members of ${looked} draws${refused ? `, ${refused} refused` : ""}${running ? " …" : ""}` : "Drawing …";
  panel.querySelector(".said").textContent = state.fault || counted;
  if (!columns.includes(state.x)) state.x = columns[0];
  if (!columns.includes(state.y)) state.y = columns.includes("error") ? "error" : (columns[1] ?? columns[0]);
  options(panel.querySelector("#axis-x"), columns, state.x);
  options(panel.querySelector("#axis-y"), columns, state.y);
  const box = panel.querySelector(".drawing");
  const numbers = panel.querySelector(".numbers");
  const there = members.filter((each) => each[state.x] !== null && each[state.y] !== null);
  if (!there.length) {
    box.replaceChildren();
    return numbers.replaceChildren();
  }
  population(box, there, state.x, state.y, (member) => open(page, panel, member));
  if (running) return;
  const names = [...new Set(file ? [state.x, state.y, ...columns.filter((name) => name !== "index").slice(0, 8)] : MEASURES)];
  const rows = [...there].sort((a, b) => a[state.x] - b[state.x]).slice(0, 200);
  numbers.replaceChildren(
    table(
      "Members",
      [file ? "row" : "draw", ...names, ...(file ? [] : ["drawn"])],
      rows.map((each) => [
        h("button", { type: "button", class: "member", onclick: () => open(page, panel, each) }, `${each.index}`),
        ...names.map((name) => (each[name] === null ? "" : exact(each[name]))),
        ...(file ? [] : [each.values.join(", ")]),
      ]),
      { numbers: names.map((_, place) => place + 1) },
    ),
  );
}

async function open(page, panel, member) {
  const { text, path, space } = state;
  const which = member.row ? { row: member.row } : { setting: member.setting };
  const answer = await page.ask({ kind: "member", text, path, model: space, start: member.index, ...which });
  if (!answer?.opened) {
    if (answer) panel.querySelector(".said").textContent = answer.fault ?? answer.problems[0]?.message ?? "";
    return;
  }
  const what = member.row ? `Row ${member.index} of ${state.file}` : `Draw ${member.index} of ${space}`;
  page.load({ text: answer.opened.text, path: "" }, { back: { text, path, said: `${what}, written out.`, button: "Back to the space" } });
  document.getElementById("tab-model").click();
}
