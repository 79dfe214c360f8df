/** Sets the context keys of src/contributions.ts, only when they change. */
import * as vscode from 'vscode';
import { contextKeys, type ContextKey } from '../contributions.js';

const current = new Map<ContextKey, boolean>();

export function setContextKey(key: ContextKey, value: boolean): void {
  if (current.get(key) === value) return;
  current.set(key, value);
  void vscode.commands.executeCommand('setContext', contextKeys[key], value);
}
