// Elements made of plain values. Texts become text nodes: nothing that a file says is ever parsed as markup.

export const $ = (id) => document.getElementById(id);

// h("button", { class: "quiet", onclick: f }, "Save"): attributes, listeners and children.
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in PROPERTIES) made[key] = value;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const PROPERTIES = { value: true, checked: true, disabled: true, selected: true, hidden: true };

export function options(select, values, chosen, label = (value) => value) {
  const same = select.options.length === values.length && values.every((value, i) => select.options[i].value === value);
  if (!same) select.replaceChildren(...values.map((value) => h("option", { value }, label(value))));
  if (values.includes(chosen)) select.value = chosen;
}

// A meter of a share, drawn by width alone; who does not see it reads the number beside it.
export function bar(share, kind) {
  const inside = h("span", { class: `bar ${kind}`, "aria-hidden": "true" });
  inside.style.setProperty("--share", `${Math.max(0, Math.min(1, share)) * 100}%`);
  return inside;
}

export function table(caption, headers, rows, { footer = null, numbers = [] } = {}) {
  const cell = (tag, content, column, more = {}) =>
    h(tag, { class: numbers.includes(column) ? "number" : null, ...more }, content);
  return h(
    "div",
    { class: "scroller", role: "region", tabindex: "0", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, headers.map((text, i) => cell("th", text, i, { scope: "col" })))),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h("tr", row.attributes ?? {}, (row.cells ?? row).map((content, i) => (i ? cell("td", content, i) : cell("th", content, i, { scope: "row" })))),
        ),
      ),
      footer && h("tfoot", {}, h("tr", {}, footer.map((content, i) => (i ? cell("td", content, i) : cell("th", content, i, { scope: "row" }))))),
    ),
  );
}

export function download(name, text, type = "text/plain") {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export async function copy(text, button) {
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = copiedByHand(text) ? "Copied" : "Not copied";
  }
  const before = button.textContent;
  button.textContent = said;
  $("status").textContent = said;
  setTimeout(() => (button.textContent = before), 1500);
}

// Where the page may not use the clipboard: as browsers copied before.
function copiedByHand(text) {
  const area = h("textarea", { class: "unseen", value: text });
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
