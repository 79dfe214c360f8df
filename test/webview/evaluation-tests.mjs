// What the evaluation panel must do, in a real browser under its real policy.
import assert from 'node:assert/strict';
import { until, sent, serious, focused } from './page.mjs';

const tab = (page, name) => page.getByRole('tab', { name });
const last = async (page, type) => (await sent(page, type)).at(-1);
const arrived = (page, type) => until(page, (t) => window.__host.sent.some((m) => m.type === t), type);

/** Everything wider than the page, tables in their own scroll boxes aside. */
const tooWide = (page) =>
  page.evaluate(() => {
    const out = [];
    const visit = (root) => {
      for (const e of root.querySelectorAll('*')) {
        const box = e.getBoundingClientRect();
        if (box.width > 0 && box.right > innerWidth + 1 && !e.closest('svg, .scroll'))
          out.push(`${e.localName}.${e.className} ${box.right}`);
        if (e.shadowRoot) visit(e.shadowRoot);
      }
    };
    visit(document);
    return out;
  });

export const evaluationTests = [
  {
    name: 'evaluation: shows every metric with its interval, the best one in words too, and whether a pair differs',
    scenario: 'evaluation',
    async check(page) {
      const table = page.getByRole('region', { name: 'Table of metrics' });
      assert.equal(await table.getByRole('row').count(), 4);
      const row = table.getByRole('row', { name: /explain-first/ });
      assert.match(await row.innerText(), /best:\s+0\.580\s+0\.530 to 0\.630/);
      const pair = page.getByRole('row', { name: /explain-first − bm25/ });
      assert.match(await pair.innerText(), /\+0\.126/);
      assert.match(await pair.innerText(), /27 \/ 8 \/ 8/);
      assert.match(await pair.innerText(), /0\.004\s+0\.012\s+significant/);
    },
  },
  {
    name: 'evaluation: follows the metric and the pair that are chosen',
    scenario: 'evaluation',
    async check(page) {
      await page.getByRole('button', { name: 'RR@10' }).click();
      await page.getByRole('heading', { name: 'Differences in RR@10' }).waitFor();
      assert.deepEqual(await last(page, 'setMetric'), { type: 'setMetric', metric: 'RR@10' });
      await page.getByRole('button', { name: /explain-first − rationale-135m score/ }).click();
      await page
        .getByRole('heading', { name: /by query: rationale-135m explain-first against rationale-135m score/ })
        .waitFor();
    },
  },
  {
    name: 'evaluation: opens a query from its bar, and its rows from the side-by-side view',
    scenario: 'evaluation',
    async check(page) {
      const bars = page.locator('rationale-plot svg.acts [data-key]');
      assert.equal(await bars.count(), 43);
      const query = await page.evaluate(() => {
        const plots = document
          .querySelector('rationale-evaluation')
          .shadowRoot.querySelector('rationale-overview')
          .shadowRoot.querySelectorAll('rationale-plot');
        const bar = [...plots].at(-1).shadowRoot.querySelector('svg [data-key="q3"]');
        bar.dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true }));
        return bar.getAttribute('data-key');
      });
      assert.equal(query, 'q3');
      await page.getByRole('heading', { name: /^Ranks for/ }).waitFor();
      assert.equal(await tab(page, 'Queries').getAttribute('aria-selected'), 'true');
      assert.deepEqual(await last(page, 'selectQuery'), { type: 'selectQuery', queryId: 'q3' });
      await page.locator('rationale-queries .documents').getByRole('button', { name: /^line/ }).first().click();
      await arrived(page, 'openAnswer');
      const open = await last(page, 'openAnswer');
      assert.ok(open.source === 1 || open.source === 2);
      await page.getByRole('button', { name: 'Open this query in rationale-135m score' }).click();
      assert.deepEqual(await last(page, 'openQuery'), { type: 'openQuery', source: 1, queryId: 'q3' });
    },
  },
  {
    name: 'evaluation: lists the queries that moved most first and shows both rationales of a document',
    scenario: 'evaluation',
    async check(page) {
      await tab(page, 'Queries').click();
      const queries = page.locator('rationale-queries .query');
      assert.match(await queries.first().innerText(), /moved 0\.900/);
      await queries.first().click();
      await page.getByRole('heading', { name: 'Side by side' }).waitFor();
      assert.ok((await page.locator('rationale-queries .why').count()) > 5);
      await page.getByPlaceholder('Find a query').fill('syncope');
      assert.equal(await queries.count(), 6);
      await page.getByPlaceholder('Find a query').fill('zzz');
      await page.getByText('No query matches.').waitFor();
    },
  },
  {
    name: 'evaluation: opens the rows of a cell by keyboard alone, and offers nothing where there is nothing to open',
    scenario: 'evaluation',
    async check(page) {
      await tab(page, 'Overview').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowRight');
      await page.locator('rationale-confusions h2').first().waitFor();
      assert.equal(await focused(page), 'tab');
      for (let n = 0; n < 6; n++) {
        await page.keyboard.press('Tab');
        if ((await focused(page)) === 'button') break;
      }
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await arrived(page, 'openCell');
      assert.deepEqual(await last(page, 'openCell'), { type: 'openCell', matrix: 0, reference: 0, prediction: 1 });
      const second = page.locator('rationale-confusions section').nth(1);
      assert.equal(await second.locator('button.cell').count(), 0);
      assert.match(await second.innerText(), /412/);
    },
  },
  {
    name: 'evaluation: draws calibration before and after, scores by label and rationale statistics',
    scenario: 'evaluation',
    async check(page) {
      await tab(page, 'Calibration').click();
      await page.getByRole('heading', { name: /^Calibration: labels of rationale-135m/ }).waitFor();
      await page.getByRole('heading', { name: /^Scores by label/ }).waitFor();
      assert.ok((await page.locator('rationale-plot svg').first().locator('path').count()) >= 2);
      await tab(page, 'Rationales').click();
      assert.equal(await page.locator('rationale-statistics tbody tr').count(), 5);
    },
  },
  {
    name: 'evaluation: gives the numbers of every picture as a table whose rows act as its bars do',
    scenario: 'evaluation',
    async check(page) {
      await page.locator('rationale-plot summary').last().click();
      const rows = page.locator('rationale-plot').last().locator('tbody tr');
      assert.equal(await rows.count(), 43);
      const id = /^q\d+/.exec(await rows.first().innerText())[0];
      await rows.first().getByRole('button').click();
      await page
        .getByRole('heading', { name: /Side by side|Queries/ })
        .first()
        .waitFor();
      assert.deepEqual(await last(page, 'selectQuery'), { type: 'selectQuery', queryId: id });
    },
  },
  {
    name: 'evaluation: exports a picture as SVG and as PNG',
    scenario: 'evaluation',
    async check(page) {
      await page.getByRole('button', { name: 'SVG…' }).last().click();
      await arrived(page, 'savePicture');
      const svg = await last(page, 'savePicture');
      assert.equal(svg.format, 'svg');
      assert.match(svg.content, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      assert.doesNotMatch(svg.content, /var\(--/);
      await page.getByRole('button', { name: 'PNG…' }).last().click();
      await until(page, () => window.__host.sent.some((m) => m.type === 'savePicture' && m.format === 'png'));
      const png = Buffer.from((await last(page, 'savePicture')).content, 'base64');
      assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
      const width = png.readUInt32BE(16);
      assert.equal(width, Number(/width="(\d+)"/.exec(svg.content)[1]) * 3);
      // Not one flat colour: a PNG of nothing compresses to a few kilobytes at that size.
      assert.ok(png.length > 10_000, `${png.length} bytes`);
    },
  },
  {
    name: 'evaluation: draws thousands of queries as one outline and lists them when asked',
    scenario: 'evaluation-many',
    async check(page) {
      const plot = page.locator('rationale-plot').last();
      assert.ok((await plot.locator('svg > *').count()) < 100);
      await plot.locator('summary').click();
      assert.equal(await plot.locator('tbody tr').count(), 100);
      await plot.getByRole('button', { name: 'Show all 2,000 rows' }).click();
      assert.equal(await plot.locator('tbody tr').count(), 2000);
    },
  },
  {
    name: 'evaluation: keeps hostile names, queries and rationales as text',
    scenario: 'evaluation-hostile',
    async check(page) {
      for (const name of ['Overview', 'Queries', 'Labels', 'Calibration', 'Rationales']) {
        await tab(page, name).click();
        if (name === 'Queries') {
          await page.locator('rationale-queries .query').first().click();
          await page.getByRole('heading', { name: 'Side by side' }).waitFor();
        }
      }
      await tab(page, 'Overview').click();
      await page.getByRole('button', { name: 'SVG…' }).last().click();
      await arrived(page, 'savePicture');
      assert.doesNotMatch((await last(page, 'savePicture')).content, /<script|<img|<svg onload/);
      await page.getByRole('button', { name: 'PNG…' }).last().click();
      await until(page, () => window.__host.sent.some((m) => m.type === 'savePicture' && m.format === 'png'));
      assert.equal(await page.evaluate(() => window.__pwned), undefined);
      assert.equal(await page.locator('img, script[src="x"]').count(), 0);
      assert.match(
        await page.getByRole('region', { name: 'Table of metrics' }).innerText(),
        /<script>window\.__pwned = 1<\/script>/,
      );
    },
  },
  {
    name: 'evaluation: says what to do when there is nothing, while it works and when it fails',
    scenario: 'evaluation-empty',
    async check(page) {
      await page.getByText('Add one judgement file or TREC run').waitFor();
      await page.getByRole('button', { name: 'Add rankings…' }).click();
      await page.getByRole('button', { name: 'Choose…' }).click();
      assert.equal((await sent(page, 'addSources')).length + (await sent(page, 'chooseReference')).length, 2);
      await page.evaluate(() =>
        window.__host.setView({ state: { kind: 'loading', message: 'Reading a.judgements.jsonl…' } }),
      );
      await page.getByRole('status').getByText('Reading a.judgements.jsonl…').waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      assert.equal((await sent(page, 'cancel')).length, 1);
      await page.evaluate(() =>
        window.__host.setView({ state: { kind: 'failed', message: 'Line 17 has 4 columns.' } }),
      );
      await page.getByRole('alert').getByText('Line 17 has 4 columns.').waitFor();
    },
  },
  {
    name: 'evaluation: shows what moved without judgements, and asks for them where they are needed',
    scenario: 'evaluation-unjudged',
    async check(page) {
      await page.getByText('Choose what is relevant').waitFor();
      await tab(page, 'Queries').click();
      await page.locator('rationale-queries .query').first().click();
      await page.getByRole('heading', { name: /^Ranks for/ }).waitFor();
      for (const [name, says] of [
        ['Labels', /No two sources of labels/],
        ['Calibration', /Calibration needs/],
        ['Rationales', /no rationales/],
      ]) {
        await tab(page, name).click();
        await page.getByText(says).waitFor();
      }
    },
  },
  {
    name: 'evaluation: asks for the shown query again when the rankings changed',
    scenario: 'evaluation',
    async check(page) {
      await tab(page, 'Queries').click();
      await page.locator('rationale-queries .query').first().click();
      await page.getByRole('heading', { name: 'Side by side' }).waitFor();
      await page.evaluate(() => window.__host.setView({}));
      await until(page, () => window.__host.sent.filter((m) => m.type === 'selectQuery').length === 2);
    },
  },
  {
    name: 'evaluation: of a single ranking lists the worst queries first',
    scenario: 'evaluation-single',
    async check(page) {
      const values = await page.locator('rationale-overview section').last().locator('tbody td.number').allInnerTexts();
      assert.equal(values.length, 43);
      assert.deepEqual(values, [...values].sort());
      await page.locator('rationale-overview section').last().getByRole('button').first().click();
      assert.equal((await last(page, 'openQuery')).source, 0);
    },
  },
  {
    name: 'evaluation: stays usable at 200 % zoom: nothing wider than the page',
    scenario: 'evaluation',
    size: { width: 640, height: 400, scale: 2 },
    async check(page) {
      for (const name of ['Overview', 'Queries', 'Labels', 'Calibration', 'Rationales']) {
        await tab(page, name).click();
        if (name === 'Queries') await page.locator('rationale-queries .query').first().click();
        await page.waitForTimeout(100);
        assert.deepEqual(await tooWide(page), [], name);
      }
    },
  },
  ...['dark', 'light', 'hc-dark', 'hc-light'].map((theme) => ({
    name: `evaluation: has no serious accessibility fault in ${theme}`,
    scenario: 'evaluation',
    theme,
    async check(page) {
      for (const name of ['Overview', 'Queries', 'Labels', 'Calibration', 'Rationales']) {
        await tab(page, name).click();
        if (name === 'Queries') {
          await page.locator('rationale-queries .query').first().click();
          await page.getByRole('heading', { name: 'Side by side' }).waitFor();
        }
        for (const summary of await page.locator('summary').all()) await summary.click();
        assert.deepEqual(await serious(page), [], name);
      }
    },
  })),
];

/** Opens a page of the panel for its picture, at its full height. */
const showing = (name) => async (page) => {
  await tab(page, name).click();
  if (name === 'Queries') {
    await page.locator('rationale-queries .query').first().click();
    await page.getByRole('heading', { name: 'Side by side' }).waitFor();
  }
  for (const summary of await page.locator('rationale-confusions summary').all()) await summary.click();
  const height = await page.locator('rationale-evaluation [role=tabpanel]').evaluate((e) => e.scrollHeight + 200);
  await page.setViewportSize({
    width: page.viewportSize().width,
    height: Math.max(page.viewportSize().height, height),
  });
};

/** Every page in every theme, and the states that are not a page. */
export const evaluationPictures = [
  ...['dark', 'light', 'hc-dark', 'hc-light'].flatMap((theme) =>
    ['Overview', 'Queries', 'Labels', 'Calibration', 'Rationales'].map((name) => ({
      file: `evaluation-${name.toLowerCase()}-${theme}`,
      theme,
      scenario: 'evaluation',
      size: { width: 1200, height: 700 },
      show: showing(name),
    })),
  ),
  ...['empty', 'loading', 'failed', 'single', 'unjudged', 'many', 'hostile'].map((state) => ({
    file: `evaluation-${state}`,
    theme: 'dark',
    scenario: `evaluation-${state}`,
    size: { width: 1200, height: 700 },
  })),
  ...['Overview', 'Queries', 'Labels'].map((name) => ({
    file: `evaluation-zoom-200-${name.toLowerCase()}`,
    theme: 'light',
    scenario: 'evaluation',
    size: { width: 640, height: 800 },
    show: showing(name),
  })),
];
