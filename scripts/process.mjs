// Starts other programs for the scripts: one place for the scrubbed environment, for signals and for exit codes.
import { spawn } from 'node:child_process';
import path from 'node:path';

/** The repository's root. */
export const root = path.dirname(import.meta.dirname);

// Kept although npm wrote them: how the machine reaches a registry is the machine's business.
const keptNpmSettings = /^npm_config_(registry|cafile|ca|proxy|https_proxy|noproxy|cache|userconfig|globalconfig)$/i;

/**
 * A copy of the environment for a program that is not ours: without what `npm run` adds (its settings, such as
 * `nodedir` or `ignore-scripts`, would rule an npm or a build started below) and without the variables of a VS Code
 * or Electron that this terminal may run in.
 * @param {Record<string, string | undefined>} [extra] set afterwards; `undefined` removes a variable
 * @returns {NodeJS.ProcessEnv}
 */
export function cleanEnvironment(extra = {}) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^(npm_|VSCODE_|ELECTRON_)/i.test(name) && !keptNpmSettings.test(name)) delete env[name];
  }
  delete env['NODE_OPTIONS'];
  for (const [name, value] of Object.entries(extra)) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  return env;
}

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, output?: 'inherit' | 'stderr' | 'capture' | 'tee', input?: string,
 *   shell?: boolean }} [options]
 *   output: `inherit` as is; `stderr` everything on our stderr; `capture` only returned; `tee` shown and returned
 * @returns {Promise<{ code: number, output: string }>} code 128 + n after signal n, 127 when it cannot be started;
 *   output is stdout and stderr in the order they came, for `capture` and `tee`
 */
export function run(command, args, { cwd = root, env = process.env, output = 'inherit', input, shell = false } = {}) {
  return new Promise((resolve) => {
    const stdio = { inherit: 'inherit', stderr: 2, capture: 'pipe', tee: 'pipe' }[output];
    const child = spawn(command, args, {
      cwd,
      env,
      shell,
      stdio: [input === undefined ? 'ignore' : 'pipe', stdio, stdio === 2 ? 2 : stdio],
    });
    let text = '';
    for (const stream of ['stdout', 'stderr']) {
      child[stream]?.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (output === 'tee') process[stream].write(chunk);
      });
    }
    child.stdin?.end(input);
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward).on('SIGTERM', forward);
    const settle = (code) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      resolve({ code, output: text });
    };
    child.once('error', (error) => {
      text += error.message;
      if (output !== 'capture') console.error(`${command}: ${error.message}`);
      settle(127);
    });
    child.once('close', (code, signal) => settle(code ?? 128 + (signalNumbers[signal] ?? 1)));
  });
}
const signalNumbers = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/**
 * Like `run`, but a non-zero exit throws, with the last lines of what the program said.
 * @param {string} what said in the error, e.g. "installing the dependencies"
 */
export async function must(what, command, args, options = {}) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) {
    const tail = output.trimEnd().split('\n').slice(-30).join('\n');
    throw new Error(`${what} failed (${command} ${args.join(' ')}: exit ${code})${tail === '' ? '' : `\n${tail}`}`);
  }
  return output;
}

/** `12.3 s` since a `Date.now()`. */
export function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/** Ends the script with the error's message; the stack only where it helps, on RATIONALE_DEBUG. */
export function fail(error) {
  console.error(process.env['RATIONALE_DEBUG'] ? error : error instanceof Error ? error.message : String(error));
  process.exit(1);
}
