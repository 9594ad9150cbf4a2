// The extension: it starts `archdsl lsp`, and everything that is known of a text comes from there.

import * as vscode from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";
import { commands } from "./commands";
import { program } from "./program";
import { Status } from "./status";

let client: LanguageClient | undefined;

async function start(): Promise<void> {
  const server: ServerOptions = { command: program(), args: ["lsp"] };
  const options: LanguageClientOptions = {
    documentSelector: [
      { scheme: "file", language: "arch" },
      { scheme: "untitled", language: "arch" },
    ],
  };
  client = new LanguageClient("archdsl", "archdsl", server, options);
  try {
    await client.start();
  } catch (fault) {
    client = undefined;
    await complain(fault);
  }
}

async function complain(fault: unknown): Promise<void> {
  const reason = fault instanceof Error ? fault.message : String(fault);
  const settings = "Open Settings";
  const picked = await vscode.window.showErrorMessage(
    `archdsl: the language server did not start (${reason}). It comes with: pip install 'archdsl[lsp]'`,
    settings,
  );
  if (picked === settings) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "archdsl.path");
  }
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  if (running?.isRunning()) {
    await running.stop();
  }
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const current = () => client;
  const status = new Status(current);
  context.subscriptions.push(
    ...commands(current),
    vscode.commands.registerCommand("archdsl.restart", restart),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("archdsl.path")) {
        void restart();
      }
    }),
    status,
  );
  void start().then(() => status.soon());
}

export async function deactivate(): Promise<void> {
  await stop();
}
