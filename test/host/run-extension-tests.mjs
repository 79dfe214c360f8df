// Runs an extension's suite (a module with `run(): Promise<void>`) inside the served VS Code, as desktop VS Code does
// with --extensionTestsPath.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { newPage, startBrowser, watchOutsideRequests } from './browser.mjs';
import { installHost } from './install.mjs';
import { startServer } from './server.mjs';

/** VS Code's own chatter on the console of a test run. */
const noise =
  /^(Ignoring fetching additional builtin|Creating a socket|Resolv(ing|ed) connection token|Updating additional builtin|Creation of workbench contribution|Timed out waiting for authentication provider|Canceled: Canceled|\[(remote-connection|reconnection-grace-time|Service Worker|AccountPolicyGate|AgentHost|DefaultAccount))/;

/**
 * @param {object} options
 * @param {string} options.extension folder of the extension under development
 * @param {string} options.suite path of the suite's module
 * @param {string} options.folder the workspace; the suite may write into it
 * @param {Record<string, unknown>} [options.settings]
 * @param {boolean} [options.restricted] open the workspace untrusted
 * @param {Record<string, string>} [options.env] for the extension host
 * @param {number} [options.timeoutMs]
 * @param {string} [options.artifacts] where screenshot and logs go after a failure
 * @returns {Promise<number>} VS Code's verdict: 0 all passed, 1 not. **0 also when the extension host dies**: the
 *   caller must ask for a result that only a finished suite writes.
 * @throws Error when there is no verdict: the host did not start, crashed, or took too long
 */
export async function runExtensionTests(options) {
  const { extension, suite, folder, settings, restricted = false, env = {}, timeoutMs = 300_000, artifacts } = options;
  await installHost();
  const server = await startServer({ settings, env, restricted, driver: true });
  let browser;
  let page;
  let watch;
  let timer;
  const keepEvidence = async () => {
    if (artifacts === undefined) return;
    mkdirSync(artifacts, { recursive: true });
    await page?.screenshot({ path: path.join(artifacts, 'window.png'), timeout: 5000 }).catch(() => undefined);
    for (const [name, text] of Object.entries(server.logs())) {
      const file = path.join(artifacts, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    console.error(`[host] window and logs: ${path.relative(process.cwd(), artifacts)}`);
  };
  try {
    browser = await startBrowser();
    page = await newPage(browser);
    const outside = watchOutsideRequests(page);
    const verdict = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no result within ${timeoutMs / 1000} s`)), timeoutMs);
      void server.exited.then((how) => reject(new Error(`VS Code's server ended (${how})`)));
      page.on('crash', () => reject(new Error('the page crashed')));
      page.on('pageerror', (error) => console.error('[page]', error.message));
      browser.on('disconnected', () => reject(new Error('the browser ended')));
      watch = setInterval(() => {
        const exit = /Extension Host Process exited with code: (\S+), signal: (\S+)/.exec(server.log());
        // A moment for the verdict to arrive: the host also exits after a suite that ended well.
        if (exit)
          setTimeout(() => reject(new Error(`the extension host died: code ${exit[1]} signal ${exit[2]}`)), 1500);
      }, 500);
      void page.exposeFunction('codeAutomationExit', resolve);
    });
    verdict.catch(() => undefined); // it may fail before it is awaited
    await page.exposeFunction('codeAutomationLog', (type, args) => {
      const line = Array.isArray(args) ? args : [args];
      const text = String(line[0]);
      if (noise.test(text)) return;
      // The workbench's own complaints: one line is enough, its stack names minified code only.
      if (text.includes('/out/vs/code/browser/workbench/')) console.log(text.split('\n', 1)[0]);
      else (console[type] ?? console.log)(...line);
    });
    await page.goto(server.url({ folder, extension, suite }));
    const code = await verdict;
    if (outside.size > 0)
      throw new Error(`the window asked for addresses outside this machine: ${[...outside].join(' ')}`);
    if (code !== 0) await keepEvidence();
    return code;
  } catch (error) {
    await keepEvidence();
    throw error;
  } finally {
    clearInterval(watch);
    clearTimeout(timer);
    await browser?.close().catch(() => undefined);
    await server.stop();
  }
}
