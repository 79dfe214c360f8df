/** Reads the settings of src/contributions.ts by their typed keys. */
import { execFile } from 'node:child_process';
import { homedir, userInfo } from 'node:os';
import * as vscode from 'vscode';
import type { SettingKey, Settings } from '../contributions.js';
import { RationaleError } from '../domain/failure.js';
import { settingProblem } from './setting-value.js';

/** The value of a setting. Throws RationaleError (user) that names the setting when settings.json holds what it cannot be. */
export function readSetting<K extends SettingKey>(key: K): Settings[K] {
  const value = vscode.workspace.getConfiguration('rationale').get<Settings[K]>(key);
  const problem = settingProblem(key, value);
  if (problem !== null || value === undefined)
    throw new RationaleError('user', problem ?? `Setting rationale.${key} is missing.`);
  return value;
}

/**
 * The name under which decisions are logged: the setting (of the user, never of a workspace), else git's user.name where
 * the workspace is trusted, else the login name.
 */
export async function annotatorName(): Promise<string> {
  const set = readSetting('annotator').trim();
  if (set !== '') return set;
  const git = vscode.workspace.isTrusted ? await gitName() : '';
  if (git !== '') return git;
  try {
    return userInfo().username;
  } catch {
    // A container's user id without a passwd entry.
    return 'annotator';
  }
}

/** The user's own, empty where there is none. In the home directory: no git and no configuration of a workspace is asked. */
function gitName(): Promise<string> {
  return new Promise((resolve) => {
    execFile('git', ['config', '--global', 'user.name'], { timeout: 2_000, cwd: homedir() }, (error, stdout) =>
      resolve(error === null ? stdout.trim() : ''),
    );
  });
}
