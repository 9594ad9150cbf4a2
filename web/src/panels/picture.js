// The stages as a picture: the compiler's SVG as an image, in which no script can run.
import { download, h } from "../dom.js";

let shown = null;

export function showPicture(page, panel, { resized = false } = {}) {
  if (resized) return;
  const { view } = page;
  if (!view?.picture) return panel.replaceChildren(h("p", { class: "quiet" }, view ? "Drawing …" : "The picture stands here as soon as the text has a model."));
  if (shown?.text === view.picture && panel.querySelector("img")) return;
  if (shown) URL.revokeObjectURL(shown.address);
  shown = { text: view.picture, address: URL.createObjectURL(new Blob([view.picture], { type: "image/svg+xml" })) };
  const name = `${view.model}.svg`;
  panel.replaceChildren(
    h("div", { class: "tools" }, h("button", { type: "button", onclick: () => download(name, view.picture, "image/svg+xml") }, "Download SVG")),
    h("img", { class: "picture", src: shown.address, alt: `Stages of ${view.model} from top to bottom, with their costs: the table under Stages has the same numbers` }),
  );
}
