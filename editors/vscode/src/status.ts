// The cost of the model at the cursor, in the status bar.

import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";
import { short, whole } from "./numbers";

/** What the server says of the model at a place. */
export interface Total {
  model: string;
  input: number[];
  flops: number;
  params: number;
  acts: number;
}

const QUIET = 150; // milliseconds after the last move of the cursor

/** Ask the server for the model at a position; none where there is no model, or no server. */
export async function totalAt(
  client: LanguageClient | undefined,
  document: vscode.TextDocument,
  position: vscode.Position,
): Promise<Total | undefined> {
  if (client === undefined || !client.isRunning()) {
    return undefined;
  }
  try {
    const found = await client.sendRequest<Total | null>("archdsl/total", {
      textDocument: { uri: client.code2ProtocolConverter.asUri(document.uri) },
      position: client.code2ProtocolConverter.asPosition(position),
    });
    return found ?? undefined;
  } catch {
    return undefined; // the text has changed: it is asked again
  }
}

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("archdsl.total", vscode.StatusBarAlignment.Right, 90);
  private readonly watched: vscode.Disposable[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly client: () => LanguageClient | undefined) {
    this.item.name = "archdsl: cost of the model";
    this.item.command = "archdsl.cost";
    this.watched.push(
      vscode.window.onDidChangeTextEditorSelection(() => this.soon()),
      vscode.window.onDidChangeActiveTextEditor(() => this.soon()),
      vscode.languages.onDidChangeDiagnostics(() => this.soon()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("archdsl.statusBar")) {
          this.soon();
        }
      }),
    );
    this.soon();
  }

  soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.show(), QUIET);
  }

  private async show(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const wanted = vscode.workspace.getConfiguration("archdsl").get<boolean>("statusBar", true);
    if (!wanted || editor === undefined || editor.document.languageId !== "arch") {
      this.item.hide();
      return;
    }
    const total = await totalAt(this.client(), editor.document, editor.selection.active);
    if (vscode.window.activeTextEditor !== editor) {
      return;
    }
    if (total === undefined) {
      this.item.hide();
      return;
    }
    this.item.text = `${total.model}: ${short(total.flops)} flops, ${short(total.params)} params`;
    this.item.tooltip = [
      `${total.model} at ${total.input.join(" x ")}`,
      `${whole(total.flops)} flops (multiply-adds)`,
      `${whole(total.params)} params`,
      `${whole(total.acts)} acts`,
    ].join("\n");
    this.item.show();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.item.dispose();
    for (const each of this.watched) {
      each.dispose();
    }
  }
}
