// The text: CodeMirror with what the compiler knows of it. It lives in a shadow root, where its styles are constructed and
// the page needs to allow no style in its markup.
import { autocompletion } from "@codemirror/autocomplete";
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, nextDiagnostic, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorSelection, EditorState, StateEffect, StateField, Transaction } from "@codemirror/state";
import { Decoration, EditorView, WidgetType, hoverTooltip, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";
import { arch } from "./arch-mode.js";
import { h } from "./dom.js";
import { places } from "./positions.js";

const colour = (name) => `var(--syntax-${name})`;

const highlighting = HighlightStyle.define([
  { tag: tags.comment, color: colour("comment"), fontStyle: "italic" },
  { tag: tags.string, color: colour("string") },
  { tag: [tags.number, tags.unit, tags.bool], color: colour("number") },
  { tag: [tags.keyword, tags.definitionKeyword, tags.moduleKeyword, tags.controlKeyword], color: colour("keyword"), fontWeight: "600" },
  { tag: tags.operatorKeyword, color: colour("keyword") },
  { tag: tags.definition(tags.className), color: colour("definition"), fontWeight: "600" },
  { tag: [tags.typeName, tags.standard(tags.typeName), tags.namespace], color: colour("type") },
  { tag: [tags.function(tags.variableName), tags.standard(tags.function(tags.variableName))], color: colour("function") },
  { tag: [tags.propertyName, tags.standard(tags.propertyName)], color: colour("property") },
  { tag: [tags.operator, tags.punctuation], color: colour("punctuation") },
]);

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--ink)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", fontVariantLigatures: "none" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--faint)", border: "none" },
  ".cm-activeLine": { backgroundColor: "var(--active-line)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--active-line)", color: "var(--muted)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--selection)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--match)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--match)", outline: "1px solid var(--line-strong)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunk)", border: "1px solid var(--line)", color: "var(--muted)" },
  ".cm-hint": {
    color: "var(--faint)",
    fontFamily: "var(--sans)",
    fontSize: "11.5px",
    paddingLeft: "2ch",
    whiteSpace: "nowrap",
    fontVariantNumeric: "tabular-nums",
    pointerEvents: "auto",
    cursor: "default",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
    borderRadius: "6px",
    boxShadow: "var(--shadow)",
    fontFamily: "var(--sans)",
    fontSize: "12.5px",
    maxWidth: "min(560px, 90vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "12.5px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "0.75" },
  ".cm-completionInfo": { padding: "8px 10px", maxWidth: "360px", whiteSpace: "pre-wrap" },
  ".cm-diagnostic": { padding: "6px 10px", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--error)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--warning)" },
  ".cm-diagnosticAction": {
    backgroundColor: "var(--accent)",
    color: "var(--on-accent)",
    borderRadius: "4px",
    font: "inherit",
    padding: "2px 8px",
    margin: "6px 0 0",
    display: "block",
    cursor: "pointer",
  },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-textfield": { backgroundColor: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-strong)" },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--surface)",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-hover": { padding: "8px 12px", maxHeight: "40vh", overflow: "auto", lineHeight: "1.5" },
  ".cm-hover code": { fontFamily: "var(--mono)", fontSize: "12px", whiteSpace: "pre-wrap" },
  ".cm-hover p": { margin: "6px 0 0", whiteSpace: "pre-wrap" },
  ".cm-hover dl": { display: "grid", gridTemplateColumns: "auto 1fr", gap: "2px 12px", margin: "6px 0 0" },
  ".cm-hover dt": { fontFamily: "var(--mono)", fontSize: "12px" },
  ".cm-hover dd": { margin: "0" },
  ".cm-hover .note": { color: "var(--muted)" },
});

// Hints at the ends of lines

class HintWidget extends WidgetType {
  constructor(hint) {
    super();
    this.hint = hint;
  }
  eq(other) {
    return other.hint.text === this.hint.text && other.hint.detail === this.hint.detail;
  }
  toDOM() {
    return h("span", { class: "cm-hint", title: this.hint.detail }, this.hint.text);
  }
}

const setHints = StateEffect.define();
const hints = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    value = value.map(transaction.changes);
    for (const effect of transaction.effects) if (effect.is(setHints)) value = effect.value;
    return value;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const KINDS = {
  model: "class", block: "class", space: "class", recipe: "class", scaling: "class", operation: "type", fn: "function",
  function: "function", parameter: "variable", input: "variable", local: "variable", draw: "variable", field: "property",
  section: "property", setting: "property", column: "property", part: "property", keyword: "keyword", module: "namespace",
  file: "namespace", value: "constant", index: "variable",
};

export class Editor {
  // `asks` has complete(offset) and hover(offset), in characters, and changed(text).
  constructor(parent, asks) {
    this.asks = asks;
    const root = parent.attachShadow({ mode: "open", delegatesFocus: true });
    const box = h("div", { style: null });
    box.style.height = "100%";
    root.append(box);
    this.readOnly = new Compartment();
    this.view = new EditorView({
      root,
      parent: box,
      state: EditorState.create({
        doc: "",
        extensions: [
          basicSetup,
          StreamLanguage.define(arch),
          syntaxHighlighting(highlighting),
          look,
          hints,
          lintGutter(),
          keymap.of([{ key: "F8", run: nextDiagnostic }]),
          autocompletion({ override: [(context) => this.#complete(context)], icons: false }),
          hoverTooltip((view, at) => this.#hover(at), { hoverTime: 350 }),
          EditorView.contentAttributes.of({ "aria-label": "Program text", spellcheck: "false", autocapitalize: "off" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) asks.changed(this.text);
          }),
        ],
      }),
    });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  // Take another text; it can be undone unless `fresh`.
  replace(text, { fresh = false } = {}) {
    const annotations = fresh ? Transaction.addToHistory.of(false) : [];
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: text },
      selection: { anchor: 0 },
      scrollIntoView: true,
      annotations,
    });
  }

  // Edits in characters of the text that they were made for: only if it is still that text.
  apply(changes, text) {
    if (text !== this.text) return false;
    const { unit } = places(text);
    this.view.dispatch({
      changes: changes.map((each) => ({ from: unit(each.start), to: unit(each.end), insert: each.text })),
      userEvent: "input.fix",
    });
    this.view.focus();
    return true;
  }

  show(start, end) {
    const { unit } = places(this.text);
    this.view.dispatch({ selection: EditorSelection.single(unit(start), unit(end)), scrollIntoView: true });
    this.view.focus();
  }

  showProblems(problems, text) {
    if (text !== this.text) return;
    const { unit } = places(text);
    const found = problems.map((problem) => ({
      from: unit(problem.place.start),
      to: unit(Math.max(problem.place.end, problem.place.start)),
      severity: problem.severity,
      source: problem.code,
      message: [problem.message, problem.label, problem.help].filter(Boolean).join("\n"),
      actions: problem.changes.length
        ? [{ name: `Fix: ${problem.help ?? "apply the edit"}`, apply: () => this.apply(problem.changes, text) }]
        : [],
    }));
    this.view.dispatch(setDiagnostics(this.view.state, found));
  }

  showHints(found, text) {
    if (text !== this.text) return;
    const { unit } = places(text);
    const ends = found.map((hint) => [this.view.state.doc.lineAt(unit(hint.offset)).to, hint]).sort((a, b) => a[0] - b[0]);
    const marks = ends.map(([at, hint]) => Decoration.widget({ widget: new HintWidget(hint), side: 1 }).range(at));
    this.view.dispatch({ effects: setHints.of(Decoration.set(marks)) });
  }

  async #complete(context) {
    const word = context.matchBefore(/[\w.]+/);
    const before = context.state.sliceDoc(Math.max(0, context.pos - 1), context.pos);
    if (!context.explicit && !word && !/[:(,.{"/]/.test(before)) return null;
    const { unit, point } = places(context.state.doc.toString());
    const found = await this.asks.complete(point(context.pos));
    if (!found?.proposals.length || context.aborted) return null;
    return {
      from: unit(found.start),
      to: Math.max(unit(found.end), context.pos),
      validFor: found.more ? undefined : /^\w*$/,
      options: found.proposals.map((each, place) => ({
        label: each.label,
        detail: each.detail,
        type: KINDS[each.kind],
        apply: each.changes.length ? this.#inserting(each, unit(found.end), unit) : each.insert,
        boost: -Math.min(place, 98),
        info: each.text ? () => h("div", {}, each.text) : undefined,
      })),
    };
  }

  // A proposal that changes the text elsewhere too; what was typed since has moved what stands behind it.
  #inserting(proposal, end, unit) {
    return (view, _, from, to) => {
      const moved = (at) => (at > end ? at + to - end : at);
      const others = proposal.changes.map((each) => ({ from: moved(unit(each.start)), to: moved(unit(each.end)), insert: each.text }));
      view.dispatch({ changes: [{ from, to, insert: proposal.insert }, ...others], userEvent: "input.complete" });
    };
  }

  async #hover(at) {
    const { unit, point } = places(this.text);
    const found = await this.asks.hover(point(at));
    if (!found) return null;
    const parts = [
      found.signature && h("code", {}, found.signature),
      found.text && h("p", {}, found.text),
      found.facts.length > 0 &&
        h("dl", {}, found.facts.map((fact) => [h("dt", {}, fact.name), h("dd", {}, fact.value, fact.note && h("span", { class: "note" }, `  ${fact.note}`))])),
    ];
    return { pos: unit(found.place.start), end: unit(found.place.end), create: () => ({ dom: h("div", { class: "cm-hover" }, parts) }) };
  }
}
