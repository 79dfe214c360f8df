import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoted, shellKind, trainingCommandLine, type TrainingRound } from './training-command.js';

const round: TrainingRound = {
  command: 'rationale-train',
  config: '/data/refine.yaml',
  corrections: '/data/my round/corrections',
  refined: '/data/my round/refined',
  exportConfig: '/data/my round/export.yaml',
  model: '/data/my round/model',
};

describe('the command line of a training round', () => {
  it('refines on the corrections and exports what came of it, where that succeeded', () => {
    expect(trainingCommandLine('posix', round)).toBe(
      `rationale-train refine --config /data/refine.yaml --set 'rounds=[{"inputs":["/data/my round/corrections"]}]' --out '/data/my round/refined'` +
        ` && rationale-train export --config '/data/my round/export.yaml' --out '/data/my round/model'`,
    );
    expect(trainingCommandLine('powershell', { ...round, command: 'C:\\my tools\\rationale-train.exe' })).toMatch(
      /^& 'C:\\my tools\\rationale-train\.exe' refine .*; if \(\$\?\) \{ & 'C:\\my tools\\rationale-train\.exe' export .* \}$/,
    );
  });

  it.runIf(process.platform !== 'win32')('gives a shell every argument as it is', () => {
    // One process for all of them.
    const words = fc.sample(
      fc.string({
        unit: fc.constantFrom('a', ' ', "'", '"', '\\', '$', '`', '!', '*', ';', '&', '|', '(', '~', 'é', '#'),
      }),
      200,
    );
    const line = ['printf', "'%s\\n'", ...words.map((word) => quoted('posix', word))].join(' ');
    expect(execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' }).split('\n')).toEqual([...words, '']);
  });

  it('never holds a line break, which would be Enter, nor what cmd.exe would replace', () => {
    for (const shell of ['posix', 'powershell', 'cmd'] as const) {
      expect(() => quoted(shell, 'a\nrm -rf x')).toThrow(/control character/);
    }
    expect(() => quoted('cmd', 'a %PATH% b')).toThrow(/PowerShell/);
  });

  it('is quoted for the shell of the terminal', () => {
    expect(
      ['/usr/bin/zsh', 'C:\\Windows\\System32\\cmd.exe', 'C:\\Program Files\\PowerShell\\7\\pwsh.exe'].map(shellKind),
    ).toEqual(['posix', 'cmd', 'powershell']);
  });
});
