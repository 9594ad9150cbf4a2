// Commands that run the program on the file of the active editor.

import * as path from "node:path";
import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";
import { run } from "./program";
import { totalAt } from "./status";

type Current = () => LanguageClient | undefined;

/** A file, saved, and the model at the cursor; none where the user would not save it. */
async function chosen(client: Current): Promise<{ uri: vscode.Uri; named: string; model?: string } | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || editor.document.languageId !== "arch") {
    void vscode.window.showInformationMessage("archdsl: open an .arch file first.");
    return undefined;
  }
  const { document } = editor;
  if ((document.isDirty || document.isUntitled) && !(await document.save())) {
    return undefined;
  }
  const saved = vscode.window.activeTextEditor?.document ?? document; // what had no file has one now
  const total = await totalAt(client(), saved, editor.selection.active);
  const file = saved.uri.fsPath;
  return { uri: saved.uri, named: total ? `${file}:${total.model}` : file, model: total?.model };
}

async function compile(client: Current): Promise<void> {
  const what = await chosen(client);
  if (what === undefined) {
    return;
  }
  const name = what.model ?? path.basename(what.uri.fsPath, ".arch");
  const folder = await vscode.window.showInputBox({
    title: `Compile ${name} to PyTorch`,
    prompt: "The folder for the module, from the workspace's folder. Files that are there stay.",
    value: path.join("out", name),
  });
  if (folder) {
    await run("compile", ["compile", what.named, "-o", folder], what.uri);
  }
}

async function cost(client: Current): Promise<void> {
  const what = await chosen(client);
  if (what !== undefined) {
    await run("cost", ["cost", what.named], what.uri);
  }
}

async function diff(client: Current): Promise<void> {
  const what = await chosen(client);
  if (what === undefined) {
    return;
  }
  const files = await vscode.workspace.findFiles("**/*.arch", "**/node_modules/**", 1000);
  const items = files
    .filter((file) => file.fsPath !== what.uri.fsPath)
    .map((file) => ({ label: vscode.workspace.asRelativePath(file), file }))
    .sort((a, b) => a.label.localeCompare(b.label));
  const browse = { label: "Another file…", file: undefined };
  const picked = await vscode.window.showQuickPick([...items, browse], { title: `Compare ${what.model ?? what.named}` });
  const other =
    picked?.file ??
    (picked && (await vscode.window.showOpenDialog({ canSelectMany: false, filters: { archdsl: ["arch"] } }))?.[0]);
  if (other !== undefined) {
    await run("diff", ["diff", what.named, other.fsPath], what.uri);
  }
}

async function explore(client: Current): Promise<void> {
  const what = await chosen(client);
  if (what !== undefined) {
    await run("explore", ["explore", what.uri.fsPath], what.uri);
  }
}

/** The commands of the palette, but for those that are the client's. */
export function commands(client: Current): vscode.Disposable[] {
  return [
    vscode.commands.registerCommand("archdsl.compile", () => compile(client)),
    vscode.commands.registerCommand("archdsl.cost", () => cost(client)),
    vscode.commands.registerCommand("archdsl.diff", () => diff(client)),
    vscode.commands.registerCommand("archdsl.explore", () => explore(client)),
  ];
}
