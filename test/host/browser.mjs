// A headless Chromium that can reach this machine only, and pages in it that look the same on every run.
import { findChromium } from './install.mjs';

/** Launches the browser (test/host must be installed). */
export async function startBrowser() {
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath: await findChromium(),
    headless: true,
    chromiumSandbox: false,
    args: [
      '--no-sandbox', // root needs it, as in most containers
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      '--force-color-profile=srgb',
      // Whatever a page asks for, nothing leaves the machine.
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost',
    ],
  });
}

/**
 * A page of its own context.
 * @param {import('playwright-core').Browser} browser
 * @param {{ width?: number, height?: number, scale?: number }} [options] scale: device pixels per CSS pixel
 */
export async function newPage(browser, { width = 1280, height = 800, scale = 1 } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: scale,
    permissions: ['clipboard-read', 'clipboard-write'],
    reducedMotion: 'reduce',
    locale: 'en-US',
    timezoneId: 'UTC',
  });
  return context.newPage();
}

/**
 * Collects the origins outside this machine that a page asks for. VS Code's webview resources keep a vscode-cdn
 * address, which its service worker answers without a network.
 * @param {import('playwright-core').Page} page
 * @returns {Set<string>}
 */
export function watchOutsideRequests(page) {
  const outside = new Set();
  page.context().on('request', (request) => {
    const { protocol, hostname, origin } = new URL(request.url());
    if (!/^(http|ws)s?:$/.test(protocol)) return;
    if (hostname !== '127.0.0.1' && !hostname.endsWith('.vscode-resource.vscode-cdn.net')) outside.add(origin);
  });
  return outside;
}
