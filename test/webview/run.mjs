// Runs the webview's tests in Chromium and takes the screenshots: node test/webview/run.mjs [part of a test's name | pictures [part of a file's name]]
// Needs a built dist/ (npm run build). Pictures go to test-results/webview/.
import { mkdir, access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { newPage, startBrowser } from '../host/browser.mjs';
import { installHost } from '../host/install.mjs';
import { evaluationPictures, evaluationTests } from './evaluation-tests.mjs';
import { evaluationScenarios } from './evaluation.mjs';
import { hostileRows, manyRows, realRows, scale } from './rows.mjs';
import { serve } from './server.mjs';
import { showCarries, tests } from './tests.mjs';
import { themes } from './themes.mjs';

const pictures = fileURLToPath(new URL('../../test-results/webview/', import.meta.url));
const notices = [
  {
    severity: 'info',
    text: 'Rationales of this model are experimental: they are often wrong or repetitive. Labels are not calibrated; use them for the order.',
  },
];
const complete = {
  state: 'complete',
  done: 24,
  total: 24,
  message: 'Reranked 24 documents in 6.2 s · 3.9 documents/s',
};
const decision = (kind, more = {}) => ({ annotation: { decision: { kind, ...more }, flagged: false, comment: null } });

async function reviewedRows() {
  const rows = await realRows();
  Object.assign(
    rows[0],
    decision('corrected', {
      explanation: 'The document covers mitochondria in the lace plant and reports where they stand during cell death.',
    }),
    { saved: false },
  );
  Object.assign(rows[1], decision('accepted'));
  Object.assign(rows[2], decision('corrected', { label: 0 }), { saved: false });
  Object.assign(rows[3], decision('skipped'));
  Object.assign(rows[4], decision('cannot_judge'));
  rows[5].annotation.flagged = true;
  rows[6].status = 'truncated';
  rows[7].draft = 'a draft';
  return rows;
}

async function streamingRows() {
  const rows = await realRows();
  rows[0].streaming = true;
  rows[0].explanation = 'The document covers mitochondria in';
  for (const row of rows.slice(14)) row.status = 'pending';
  for (const row of rows.slice(1)) row.explanation = null;
  return rows;
}

const scenarios = {
  run: async () => ({ rows: await realRows(), scale, notices, run: complete }),
  reviewed: async () => ({ rows: await reviewedRows(), scale, notices, run: complete }),
  streaming: async () => ({
    rows: await streamingRows(),
    scale,
    notices,
    run: { state: 'scoring', done: 14, total: 24, message: 'Scored 14 of 24 · 3.9 documents/s' },
  }),
  many: async () => ({
    rows: await manyRows(10_000),
    scale,
    order: 'file',
    notices: [{ severity: 'warning', text: 'Line 8 cannot be read and is kept as it is.' }],
  }),
  hostile: async () => ({ rows: hostileRows(), scale, order: 'file' }),
  readonly: async () => ({
    rows: await realRows(),
    scale,
    readonly: 'This is a git revision of the file: it can be read, not changed.',
  }),
  empty: async () => ({ rows: [], scale }),
  ...evaluationScenarios,
};

/** Opens a scenario and waits until its list and detail are there. */
async function open(browser, site, { scenario, theme = 'dark', size = {} }) {
  const page = await newPage(browser, size);
  // A machine that does other things as well draws a page of 10,000 rows in its own time.
  page.setDefaultTimeout(15_000);
  const faults = [];
  page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  await page.goto(site.url(scenario, theme));
  await page.waitForFunction(() => window.__host?.sent.some((m) => m.type === 'ready'));
  if (scenario.startsWith('evaluation')) {
    await page.locator('rationale-evaluation header').waitFor();
  } else if (scenario !== 'empty') {
    await page.locator('rationale-detail h2').waitFor();
    await page.locator('rationale-list .row:not(.loading)').first().waitFor();
  }
  return { page, faults };
}

async function test(browser, site, { name, check, violates = false, ...how }) {
  const { page, faults } = await open(browser, site, how);
  try {
    await check(page);
    const problems = await page.evaluate(() =>
      window.__host.sent.filter((m) => m.type === 'problem').map((m) => m.message),
    );
    const blocked = violates ? [] : await page.evaluate(() => window.__host.violations);
    const wrong = [...problems, ...blocked.map((b) => `blocked by the policy: ${b}`), ...(violates ? [] : faults)];
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    console.log(`  ok    ${name}`);
    return true;
  } catch (error) {
    console.log(`  FAIL  ${name}\n${String(error.stack ?? error).replace(/^/gm, '        ')}`);
    await page.screenshot({ path: `${pictures}failed-${name.replace(/\W+/g, '-').slice(0, 60)}.png` });
    return false;
  } finally {
    await page.context().close();
  }
}

async function takePictures(browser, site, named) {
  const shots = [
    ...themes.map((theme) => ({ file: theme, theme, scenario: 'reviewed' })),
    { file: 'streaming', theme: 'dark', scenario: 'streaming' },
    { file: 'many', theme: 'light', scenario: 'many', size: { width: 1000, height: 700 } },
    { file: 'zoom-200', theme: 'dark', scenario: 'reviewed', size: { width: 640, height: 400, scale: 2 } },
    { file: 'zoom-200-page', theme: 'light', scenario: 'reviewed', size: { width: 640, height: 1500, scale: 1 } },
    { file: 'shortcuts', theme: 'dark', scenario: 'run', key: '?' },
    { file: 'empty', theme: 'dark', scenario: 'empty' },
    { file: 'hostile', theme: 'light', scenario: 'hostile' },
    ...themes.map((theme) => ({ file: `carries-${theme}`, theme, scenario: 'run', show: showCarries })),
    ...evaluationPictures,
  ];
  for (const { file, key, show, ...how } of shots.filter((shot) => shot.file.includes(named))) {
    const { page } = await open(browser, site, { size: { width: 1360, height: 820 }, ...how });
    if (show !== undefined) await show(page);
    else if (key !== undefined) await page.keyboard.press(key);
    else if (how.scenario !== 'empty' && !how.scenario.startsWith('evaluation'))
      await page.locator('rationale-list .scroller').focus();
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${pictures}${file}.png` });
    await page.context().close();
  }
}

await access(new URL('../../dist/webview/editor.js', import.meta.url)).catch(() => {
  console.error('dist/webview/editor.js is missing: run npm run build first.');
  process.exit(1);
});
await installHost();
await mkdir(pictures, { recursive: true });
const wanted = process.argv[2] ?? '';
const site = await serve(scenarios);
const browser = await startBrowser();
let passed = 0;
let failed = 0;
try {
  for (const one of [...tests, ...evaluationTests].filter((t) => t.name.includes(wanted))) {
    if (await test(browser, site, one)) passed++;
    else failed++;
  }
  if (wanted === '' || wanted === 'pictures') await takePictures(browser, site, process.argv[3] ?? '');
} finally {
  await browser.close();
  await site.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || (passed === 0 && wanted !== 'pictures') ? 1 : 0);
