// The emitted PyTorch module, to read, copy and download.
import { copy, download, h, options } from "../dom.js";

let asked = null;
let files = [];
let chosen = 0;

export async function showModule(page, panel, { resized = false } = {}) {
  if (resized) return;
  if (!page.view) return panel.replaceChildren(h("p", { class: "quiet" }, "The module stands here as soon as the text has a model."));
  const key = JSON.stringify(page.scaled());
  if (asked === key) return panel.querySelector("pre") || files.length === 0 ? undefined : draw(panel);
  asked = key;
  if (!panel.querySelector("pre")) panel.replaceChildren(h("p", { class: "quiet" }, "Writing the module …"));
  const answer = await page.ask({ kind: "module", ...page.scaled() });
  if (!answer || asked !== key) return;
  if (!answer.files) {
    asked = null;
    return panel.replaceChildren(h("p", { class: "quiet" }, answer.fault ?? "The text has faults: there is no module of it."));
  }
  files = answer.files;
  chosen = Math.min(chosen, files.length - 1);
  draw(panel);
}

function draw(panel) {
  const select = h("select", { "aria-label": "File", onchange: () => ((chosen = select.selectedIndex), draw(panel)) });
  const names = files.map((file) => file.name);
  options(select, names, names[chosen]);
  const { name, text } = files[chosen];
  const copying = h("button", { type: "button", onclick: () => copy(text, copying) }, "Copy");
  panel.replaceChildren(
    h(
      "div",
      { class: "tools" },
      select,
      copying,
      h("button", { type: "button", id: "download", onclick: () => download(name, text, "text/x-python") }, "Download"),
      h("span", { class: "quiet" }, `${text.split("\n").length} lines; needs torch alone`),
    ),
    h("pre", { class: "source", tabindex: "0", "aria-label": name }, h("code", {}, text)),
  );
}
