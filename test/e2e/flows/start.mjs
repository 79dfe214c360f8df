// `npm start` where there is no desktop VS Code: the address with its token opens, without the token nothing does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { root } from '../../../scripts/process.mjs';
import { until } from '../steps.mjs';

export const title = 'npm start, served';

export async function run({ step }) {
  const script = [path.join(root, 'scripts/start.mjs'), '--served', '--no-open'];
  const child = spawn(process.execPath, script, { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let address;
    await step('prints an address with a token, and the seconds since the start', async () => {
      address = await until('the address', () => /http:\/\/127\.0\.0\.1:\S+/.exec(output)?.[0], 60_000);
      assert.match(output, /Rationale is open in a served VS Code .*, \d+\.\d s after the start\./);
    });
    const { origin, searchParams } = new URL(address);
    await step('answers with the token', async () => {
      assert.ok(searchParams.get('tkn').length >= 32);
      const given = await fetch(address, { redirect: 'manual' });
      assert.equal(given.status, 302);
      const cookie = given.headers.get('set-cookie').split(';')[0];
      const page = await fetch(new URL(given.headers.get('location'), address), { headers: { cookie } });
      assert.equal(page.status, 200);
    });
    await step('refuses every request without it', async () => {
      for (const request of ['/', '/?tkn=', `/?tkn=${'x'.repeat(32)}`, '/vscode-remote-resource?path=/etc/hostname']) {
        assert.equal((await fetch(origin + request)).status, 403, request);
      }
    });
    await step('stops all on Ctrl+C', async () => {
      child.kill('SIGINT');
      assert.equal(await ended, 0);
      await assert.rejects(fetch(origin));
    });
    await step('leaves nothing behind when it is killed', async () => {
      const second = spawn(process.execPath, script, { stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      second.stdout.on('data', (chunk) => (printed += chunk));
      const at = await until('the address', () => /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0], 60_000);
      second.kill('SIGKILL');
      await until('the end of the server', () =>
        fetch(at).then(
          () => false,
          () => true,
        ),
      );
    });
  } finally {
    child.kill();
  }
}
