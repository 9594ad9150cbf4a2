// The dialog with what ships, and files of the reader's own.
import { $, h } from "./dom.js";

export function opening(page) {
  const dialog = $("dialog");
  let shipped = [];
  $("open").addEventListener("click", async () => {
    $("find").value = "";
    dialog.showModal();
    $("find").focus();
    shipped = await page.shipped();
    list(page, shipped, $("find").value.trim().toLowerCase());
  });
  $("find").addEventListener("input", () => list(page, shipped, $("find").value.trim().toLowerCase()));
  $("find").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    $("shipped").querySelector("button")?.click();
  });
  $("upload").addEventListener("change", async () => {
    const file = $("upload").files[0];
    if (!file) return;
    $("upload").value = "";
    if (file.size > 1 << 20) return page.say("The file has more than a mebibyte");
    dialog.close();
    page.load({ text: await file.text(), path: "" });
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function list(page, shipped, wanted) {
  const families = new Map();
  for (const file of shipped) {
    const names = [...file.models.map((name) => [name, "model"]), ...file.spaces.map((name) => [name, "space"])];
    const kept = names.filter(([name]) => !wanted || `${file.family} ${file.path} ${name}`.toLowerCase().includes(wanted));
    if (!kept.length) continue;
    if (!families.has(file.family)) families.set(file.family, []);
    families.get(file.family).push(...kept.map(([name, kind]) => [name, kind, file.path]));
  }
  const boxes = [...families].map(([family, names]) =>
    h(
      "section",
      { "aria-label": family },
      h("h3", {}, family),
      h("ul", {}, names.map(([name, kind, path]) => h("li", {}, h("button", { type: "button", class: kind, title: `${kind} of ${path}`, onclick: () => open(page, name, kind, path) }, name)))),
    ),
  );
  $("shipped").replaceChildren(...(boxes.length ? boxes : [h("p", { class: "quiet" }, "Nothing of that name ships.")]));
}

async function open(page, name, kind, path) {
  $("dialog").close();
  const answer = await page.ask({ kind: "open", name: path });
  if (!answer?.opened) return page.say(answer?.fault ?? "");
  page.space = kind === "space" ? name : "";
  page.load(answer.opened, { model: kind === "model" ? name : "" });
  if (kind === "space") $("tab-population").click();
}
