#!/usr/bin/env node
// Stands in for VS Code's executable: @vscode/test-electron's runTests({ vscodeExecutablePath: <this file> }) drives
// the served VS Code unchanged. User settings come from --user-data-dir, as on the desktop.
//   RATIONALE_RESTRICTED=1  workspace trust stays on (runTests always passes --disable-workspace-trust)
//   RATIONALE_ARTIFACTS     folder for screenshot and logs after a failure
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runExtensionTests } from './run-extension-tests.mjs';

const options = new Map();
let folder = process.cwd();
for (const argument of process.argv.slice(2)) {
  const option = /^--([\w-]+)(?:=(.*))?$/s.exec(argument);
  if (option) options.set(option[1], option[2] ?? '');
  else folder = argument;
}
const userSettings = path.join(options.get('user-data-dir') ?? '', 'User', 'settings.json');
try {
  const code = await runExtensionTests({
    extension: options.get('extensionDevelopmentPath'),
    suite: options.get('extensionTestsPath'),
    folder: path.resolve(folder),
    settings: existsSync(userSettings) ? JSON.parse(readFileSync(userSettings, 'utf8')) : {},
    restricted: process.env['RATIONALE_RESTRICTED'] === '1',
    artifacts: process.env['RATIONALE_ARTIFACTS'],
  });
  process.exit(code);
} catch (error) {
  console.error(`[host] FAILED: ${error.message}`);
  process.exit(70);
}
