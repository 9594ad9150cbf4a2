// The archdsl program that the settings name, and running it where its output is seen.

import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

/** The program as the settings name it, with folders that they abbreviate. */
export function program(): string {
  const setting = vscode.workspace.getConfiguration("archdsl").get<string>("path") || "archdsl";
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  const whole = setting.replace(/^\$\{workspaceFolder\}/, () => folder);
  return whole.startsWith("~/") ? path.join(os.homedir(), whole.slice(2)) : whole;
}

/** Run the program with arguments, as they are and through no shell, in a panel below the editor. */
export async function run(title: string, args: string[], uri: vscode.Uri): Promise<void> {
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  const cwd = folder?.uri.fsPath ?? path.dirname(uri.fsPath);
  const task = new vscode.Task(
    { type: "archdsl", command: title },
    folder ?? vscode.TaskScope.Workspace,
    title,
    "archdsl",
    new vscode.ProcessExecution(program(), args, { cwd }),
    [],
  );
  task.presentationOptions = { clear: true, focus: false, reveal: vscode.TaskRevealKind.Always };
  await vscode.tasks.executeTask(task);
}
