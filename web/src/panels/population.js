// Members of a space, drawn a few at a time, so that the page shows them as they come.
import { population } from "../charts.js";
import { h, options, table } from "../dom.js";
import { MEASURES, exact } from "../format.js";

const PIECE = 10;
const MOST = 100; // draws that are looked at for one member that is wanted
const state = { key: null, members: [], looked: 0, refused: 0, wanted: 50, seed: 0, x: "flops", y: "params", space: "", run: 0, fault: "" };

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
  const select = panel.querySelector("#space");
  if (spaces.length) options(select, spaces, state.space);
  draw(page, panel);
  if (!resized && spaces.length && key(page) !== state.key && !state.members.length) run(page, panel);
}

const key = (page) => JSON.stringify([page.text, state.space, state.seed]);

function build(page, panel) {
  const space = h("select", { id: "space", onchange: () => ((state.space = space.value), run(page, panel)) });
  const wanted = h("input", { type: "number", min: 1, max: 5000, value: state.wanted, id: "wanted", onchange: () => ((state.wanted = number(wanted, 5000)), run(page, panel)) });
  const seed = h("input", { type: "number", min: 0, max: 1e9, value: state.seed, id: "seed", onchange: () => ((state.seed = number(seed, 1e9, 0)), run(page, panel)) });
  const axis = (name, label) => {
    const select = h("select", { onchange: () => ((state[name] = select.value), draw(page, panel)) });
    options(select, MEASURES, state[name]);
    return h("label", {}, `${label} `, select);
  };
  const stop = h("button", { type: "button", class: "stop", onclick: () => (state.run += 1) }, "Stop");
  panel.replaceChildren(
    h("div", { class: "tools" }, h("label", {}, "Space ", space), h("label", {}, "Members ", wanted), h("label", {}, "Seed ", seed), axis("x", "Across"), axis("y", "Up"), stop),
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
  Object.assign(state, { key: key(page), members: [], looked: 0, refused: 0, fault: "", text: page.text, path: page.path });
  draw(page, panel);
  const { text, path } = state;
  const wanting = () => state.members.length < state.wanted && state.looked < MOST * state.wanted;
  while (wanting() && mine === state.run) {
    const count = PIECE;
    const answer = await page.ask({ kind: "population", text, path, model: state.space, seed: state.seed, start: state.looked, count });
    if (!answer || mine !== state.run) break;
    if (!answer.population) {
      state.fault = answer.fault ?? answer.problems[0]?.message ?? "the space has faults";
      break;
    }
    state.members.push(...answer.population.members);
    state.looked += answer.population.looked;
    state.refused += answer.population.refused;
    draw(page, panel, mine === state.run && wanting());
  }
  draw(page, panel);
}

function draw(page, panel, running = false) {
  const { members, looked, refused } = state;
  const said = panel.querySelector(".said");
  panel.querySelector(".stop").disabled = !running;
  said.textContent = state.fault || (looked ? `${members.length} members of ${looked} draws${refused ? `, ${refused} refused` : ""}${running ? " …" : ""}` : "Drawing …");
  const box = panel.querySelector(".drawing");
  const numbers = panel.querySelector(".numbers");
  if (!members.length) {
    box.replaceChildren();
    return numbers.replaceChildren();
  }
  population(box, members, state.x, state.y, (member) => open(page, member));
  if (running) return;
  const rows = [...members].sort((a, b) => a[state.x] - b[state.x]).slice(0, 200);
  numbers.replaceChildren(
    table(
      "Members",
      ["draw", ...MEASURES, "drawn"],
      rows.map((each) => [h("button", { type: "button", class: "member", onclick: () => open(page, each) }, `${each.index}`), ...MEASURES.map((name) => exact(each[name])), each.values.join(", ")]),
      { numbers: [1, 2, 3] },
    ),
  );
}

async function open(page, member) {
  const { text, path, space } = state;
  const answer = await page.ask({ kind: "member", text, path, model: space, setting: member.setting, start: member.index });
  if (!answer?.opened) return page.say(answer?.fault ?? answer?.problems[0]?.message ?? "");
  const back = { text, path, said: `Draw ${member.index} of ${space}, written out.`, button: "Back to the space" };
  page.load({ text: answer.opened.text, path: "" }, { back });
  document.getElementById("tab-model").click();
}
