// Page object of VS Code's window: what a person does outside our editor (palette, quick picks, tabs, notifications).
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { newPage, watchOutsideRequests } from '../host/browser.mjs';
import { startServer } from '../host/server.mjs';
import { until } from './steps.mjs';

/**
 * Opens a window on a copy of a folder.
 * @param {object} options
 * @param {import('playwright-core').Browser} options.browser
 * @param {string} options.folder copied, so that the flow may write
 * @param {string} options.extensions folder of installed extensions
 * @param {string} options.screenshots folder
 * @param {Record<string, unknown>} [options.settings]
 * @param {boolean} [options.restricted]
 * @param {{ width?: number, height?: number, scale?: number }} [options.view]
 */
export async function openWorkbench({ browser, folder, extensions, screenshots, settings, restricted, view }) {
  const temporary = mkdtempSync(path.join(tmpdir(), 'rationale-e2e-'));
  const copy = path.join(temporary, path.basename(folder));
  cpSync(folder, copy, { recursive: true });
  const server = await startServer({ extensions, settings, restricted });
  const page = await newPage(browser, view);
  const outside = watchOutsideRequests(page);
  const errors = [];
  // Uncaught errors of our page; VS Code's own windows and previews have theirs, which are not ours to mend.
  page.on('pageerror', ({ stack, message }) => {
    if (stack === undefined || stack.includes('/dist/webview/')) errors.push(stack ?? message);
  });
  page.setDefaultTimeout(30_000);
  mkdirSync(screenshots, { recursive: true });
  await page.goto(server.url({ folder: copy }));
  await page.waitForSelector('.monaco-workbench .part.statusbar', { timeout: 60_000 });

  const quickInput = page.locator('.quick-input-widget');
  const quickBox = quickInput.locator('input.input');
  /** Opens the palette with a text; a window that is being rebuilt may close it again at once. */
  const openPalette = (text) =>
    until('the palette', async () => {
      await page.keyboard.press('F1');
      return quickBox.fill(`>${text}`, { timeout: 3000 }).then(
        () => true,
        () => false,
      );
    });
  const appears = (locator) =>
    locator.waitFor({ timeout: 1000 }).then(
      () => true,
      () => false,
    );
  const workbench = {
    page,
    server,
    /** The opened copy. */
    folder: copy,
    /** Addresses outside this machine that were asked for. */
    outside,
    /** Uncaught errors of the Rationale editor's page. */
    errors,

    /** Runs a command by its title in the palette. */
    async run(title) {
      const row = quickInput.locator('.monaco-list-row').filter({ hasText: title }).first();
      // The palette lists what is registered when it opens, and extensions are still being read in a new window.
      await until(`"${title}" in the palette`, async () => {
        await openPalette(title);
        if (await appears(row)) return true;
        await page.keyboard.press('Escape');
        return false;
      });
      await row.click();
    },
    /** Titles that the palette offers for a text; waits until there is one. */
    async offered(text) {
      const none = quickInput.getByText('No matching commands');
      return until(`a command for "${text}"`, async () => {
        await openPalette(text);
        const titles = (await appears(none)) ? [] : await quickInput.locator('.label-name').allTextContents();
        await page.keyboard.press('Escape');
        return titles.length > 0 && titles;
      });
    },
    /** Types an answer into an input box or quick pick and confirms it. */
    async answer(text) {
      await quickBox.waitFor();
      await quickBox.fill(text);
      await page.keyboard.press('Enter');
    },
    /** Picks a row of a quick pick by its text. */
    async pick(text) {
      await quickInput.locator('.monaco-list-row').filter({ hasText: text }).first().click();
    },
    quickInput,

    /** Opens a file of the folder by its name. */
    async openFile(name) {
      await page.keyboard.press('Control+P');
      await quickBox.waitFor();
      await quickBox.fill(name);
      await quickInput
        .locator('.monaco-list-row')
        .filter({ hasText: path.basename(name) })
        .first()
        .waitFor();
      await page.keyboard.press('Enter');
    },
    tab: (name) => page.getByRole('tab', { name }),

    /**
     * The document inside a webview on screen, the first by default. Hidden webviews stay in the page, so only the
     * visible ones count.
     * @returns {import('playwright-core').FrameLocator}
     */
    webview: ({ nth = 0 } = {}) =>
      page.locator('iframe.webview.ready:visible').nth(nth).contentFrame().frameLocator('#active-frame'),

    /** Waits for a notification toast. */
    async notified(text) {
      const toast = page.locator('.notification-toast').filter({ hasText: text }).first();
      await toast.waitFor();
      return toast;
    },
    /** Waits for a modal dialog and presses one of its buttons. */
    async dialog(text, button) {
      const dialog = page.locator('.monaco-dialog-box').filter({ hasText: text });
      await dialog.waitFor();
      await dialog.getByRole('button', { name: button }).click();
      await dialog.waitFor({ state: 'hidden' });
    },

    /** Chooses a colour theme by its name in the picker. */
    async theme(name) {
      await workbench.run('Preferences: Color Theme');
      await quickBox.fill(name);
      // The picker previews while it filters: choose the row itself, not whatever is focused yet.
      await quickInput.locator('.monaco-list-row').filter({ hasText: name }).first().click();
      await quickInput.waitFor({ state: 'hidden' });
    },
    async screenshot(name) {
      const file = path.join(screenshots, `${name}.png`);
      await page.screenshot({ path: file, animations: 'disabled', caret: 'hide' });
      return file;
    },
    async close() {
      await page.context().close();
      await server.stop();
      rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
  return workbench;
}
