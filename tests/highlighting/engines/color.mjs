// Colors texts by the engines of the editors themselves.
// Arguments: the TextMate grammar, the CodeMirror mode. Standard input: a JSON list of texts. Standard output, for each
// engine and each text: its tokens as [start, end, name], in UTF-16 units.
import fs from "node:fs";
import { createRequire } from "node:module";
import { StreamLanguage } from "@codemirror/language";

const [grammarPath, modePath] = process.argv.slice(2);
const texts = JSON.parse(fs.readFileSync(0, "utf8"));
const require = createRequire(import.meta.url);

async function textmate() {
  const oniguruma = require("vscode-oniguruma");
  const { INITIAL, Registry, parseRawGrammar } = require("vscode-textmate");
  await oniguruma.loadWASM(fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer);
  const onigLib = Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  });
  const raw = parseRawGrammar(fs.readFileSync(grammarPath, "utf8"), grammarPath);
  const grammar = await new Registry({ onigLib, loadGrammar: async () => raw }).loadGrammar(raw.scopeName);
  return (text) => {
    const found = [];
    let stack = INITIAL;
    let offset = 0;
    for (const line of text.split("\n")) {
      const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
      for (const { startIndex, endIndex, scopes } of tokens) {
        if (scopes.length > 1) found.push([offset + startIndex, offset + Math.min(endIndex, line.length), scopes.at(-1)]);
      }
      stack = ruleStack;
      offset += line.length + 1;
    }
    return found;
  };
}

async function codemirror() {
  const source = fs.readFileSync(modePath, "utf8");
  const { arch } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const { parser } = StreamLanguage.define(arch);
  return (text) => {
    const found = [];
    parser.parse(text).iterate({
      enter: ({ from, to, name, type }) => {
        if (!type.isTop) found.push([from, to, name]);
      },
    });
    return found;
  };
}

const [byTextmate, byCodemirror] = [await textmate(), await codemirror()];
const answers = { textmate: texts.map(byTextmate), codemirror: texts.map(byCodemirror) };
process.stdout.write(JSON.stringify(answers));
