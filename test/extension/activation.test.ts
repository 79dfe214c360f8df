import assert from 'node:assert/strict';
import * as vscode from 'vscode';

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension('rationale.rationale');
  assert.ok(found, 'the extension is installed');
  return found;
}

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly configuration: readonly { readonly properties: Readonly<Record<string, { readonly default: unknown }>> }[];
  };
}
const manifest = () => extension().packageJSON as Manifest;

describe('activation', () => {
  it('activates in a real VS Code of at least the version that package.json asks for', async () => {
    await extension().activate();
    const [major = 0, minor = 0] = vscode.version.split('.').map(Number);
    assert.ok(major > 1 || minor >= 101, vscode.version);
    assert.ok(extension().isActive);
  });

  it('registers every command it contributes', async () => {
    await extension().activate();
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = manifest().contributes.commands.filter(({ command }) => !registered.has(command));
    assert.deepEqual(missing, []);
  });

  it('offers every setting with the default that the manifest names', () => {
    for (const { properties } of manifest().contributes.configuration) {
      for (const [key, property] of Object.entries(properties)) {
        assert.deepEqual(vscode.workspace.getConfiguration().inspect(key)?.defaultValue, property.default, key);
      }
    }
  });
});

describe('activation [restricted]', () => {
  it('activates in a workspace that nobody trusted', async () => {
    assert.equal(vscode.workspace.isTrusted, false);
    await extension().activate();
    assert.ok(extension().isActive);
  });
});

describe('auto-save [auto-save]', () => {
  it('is on in the run that is about it, and off in the others', () => {
    const expected = process.env['RATIONALE_TEST_RUN'] === 'auto-save' ? 'afterDelay' : 'off';
    assert.equal(vscode.workspace.getConfiguration('files').get('autoSave'), expected);
  });
});
