// What the webview must do, in a real browser under the real policy. Each test gets a page of its own.
import assert from 'node:assert/strict';
import { focused, sent, serious, until } from './page.mjs';

/** The message of a type that the page sent last. */
const last = async (page, type) => (await sent(page, type)).at(-1);
const list = (page) => page.locator('rationale-list .scroller');
const row = (page, n) => page.locator(`rationale-list [role=option][aria-posinset="${n}"]`);
const selected = (page) => page.locator('rationale-list [role=option][aria-selected=true]');
const field = (page) => page.locator('rationale-explanation textarea');
const heading = (page) => page.locator('rationale-detail h2');
const decisions = (page, count) =>
  until(page, (n) => window.__host.sent.filter((m) => m.type === 'decide').length >= n, count);

/** What a host sends of a document whose sentences were left out in turn. */
export async function showCarries(page) {
  await page.evaluate(() => {
    const { document } = window.__host.rows[0];
    const sentences = [...document.matchAll(/[^.]+\.\s*/g)]
      .slice(0, 6)
      .map((m) => ({ start: m.index, end: m.index + m[0].length }));
    const effects = [1.21, -0.62, 0.44, 0.2, 0.004, 0];
    window.__host.carries({
      key: 0,
      state: 'running',
      message: 'Scored 6 of 9 changes…',
      whole: {
        labels: ['irrelevant', 'related', 'relevant', 'highly relevant'],
        label: 'highly relevant',
        probabilities: [0.02, 0.08, 0.2, 0.7],
        expected: 2.58,
      },
      parts: sentences.map(({ start, end }, i) => ({
        start,
        end,
        text: document.slice(start, end).trim(),
        label: i === 0 ? 'related' : 'highly relevant',
        probabilities: i === 0 ? [0.2, 0.5, 0.2, 0.1] : [0.03, 0.1, 0.22, 0.65],
        effect: effects[i],
      })),
    });
  });
  await page.getByRole('heading', { name: 'What carries this label?', exact: true }).waitFor();
}

export const tests = [
  {
    name: 'shows the ranking, and the selected row with its document and rationale',
    scenario: 'run',
    async check(page) {
      assert.equal(await row(page, 1).getAttribute('aria-selected'), 'true');
      assert.match(await row(page, 1).locator('.spoken').textContent(), /Rank 1\. up 3 from first stage 4/);
      assert.match(await row(page, 1).locator('.spoken').textContent(), /Label highly relevant, \d+ %/);
      assert.match(await page.locator('rationale-detail .document').innerText(), /lace plant/);
      assert.ok((await page.locator('rationale-detail mark').count()) > 3);
      assert.match(await page.locator('rationale-detail .cut').innerText(), /saw the text up to here/);
    },
  },
  {
    name: 'keeps hostile text as text',
    scenario: 'hostile',
    async check(page) {
      for (const n of [1, 2, 3, 4, 5]) {
        await row(page, n).click();
        await until(
          page,
          (key) => window.__host.sent.some((m) => m.type === 'select' && m.key === key) || key === 0,
          n - 1,
        );
      }
      await page.locator('rationale-detail .failure').waitFor();
      await row(page, 1).click();
      await until(page, () =>
        document
          .querySelector('rationale-editor')
          .shadowRoot.querySelector('rationale-detail')
          .shadowRoot.querySelector('h2')
          .textContent.includes('<script>'),
      );
      await field(page).focus();
      await page.keyboard.type('<img src=x onerror="window.__pwned = 5">');
      await page.locator('rationale-explanation ins').first().waitFor();
      assert.equal(await page.evaluate(() => window.__pwned), undefined);
      assert.equal(await page.locator('rationale-detail img').count(), 0);
      assert.match(
        await page.locator('rationale-detail .document').innerText(),
        /<script>window\.__pwned = 1<\/script>/,
      );
    },
  },
  {
    name: 'does not run a script that is injected into the page',
    scenario: 'run',
    violates: true,
    async check(page) {
      await page.evaluate(() => {
        const script = document.createElement('script');
        script.textContent = 'window.__pwned = 1';
        document.body.append(script);
        document.body.insertAdjacentHTML(
          'beforeend',
          '<img src="data:," onerror="window.__pwned = 2"><p style="color: red">x</p>',
        );
      });
      await until(page, () => window.__host.violations.length >= 3);
      assert.equal(await page.evaluate(() => window.__pwned), undefined);
    },
  },
  {
    name: 'labels, explains and goes on by keyboard alone: rate, Tab, explain, Ctrl+Enter',
    scenario: 'run',
    async check(page) {
      await list(page).focus();
      await page.keyboard.press('1');
      await decisions(page, 1);
      await page.keyboard.press('Tab');
      assert.equal(await focused(page), 'textarea');
      await page.keyboard.type(' And it was measured in leaves.');
      await page.keyboard.press('Control+Enter');
      await decisions(page, 2);
      const [label, text] = await sent(page, 'decide');
      assert.deepEqual([label.decision, label.advance], [{ kind: 'label', label: 1 }, false]);
      assert.equal(text.decision.kind, 'explanation');
      assert.match(text.decision.text, /And it was measured in leaves\.$/);
      assert.equal(text.key, label.key);
      assert.equal(text.advance, true);
      assert.equal(await focused(page), 'listbox');
      await until(page, () => window.__host.sent.filter((m) => m.type === 'decide').length === 2);
      assert.equal(await row(page, 2).getAttribute('aria-selected'), 'true');
      await page.keyboard.press('a');
      await decisions(page, 3);
      assert.equal((await sent(page, 'decide'))[2].decision.kind, 'accept');
      await until(
        page,
        () =>
          document
            .querySelector('rationale-editor')
            .shadowRoot.querySelector('rationale-list')
            .shadowRoot.querySelector('[aria-posinset="3"]')
            ?.getAttribute('aria-selected') === 'true',
      );
    },
  },
  {
    name: 'tabs from toolbar to list, labels, rationale and document',
    scenario: 'run',
    async check(page) {
      await page.locator('rationale-toolbar #order').focus();
      const stops = [];
      for (let i = 0; i < 4; i++) {
        await page.keyboard.press('Tab');
        stops.push(await focused(page));
      }
      assert.deepEqual(stops, ['button', 'listbox', 'radio', 'textarea'], 'the button puts the notice away');
      for (let i = 0; i < 6 && (await focused(page)) !== 'region'; i++) await page.keyboard.press('Tab');
      assert.equal(await focused(page), 'region');
    },
  },
  {
    name: 'keeps a draft and decides nothing when another window takes the focus',
    scenario: 'run',
    async check(page) {
      await field(page).focus();
      await page.keyboard.press('End');
      await page.keyboard.type(' Half a thought');
      await page.evaluate(() => {
        document.hasFocus = () => false;
      });
      await field(page).blur();
      await until(page, () => window.__host.sent.some((m) => m.type === 'draft' && m.text?.endsWith('Half a thought')));
      assert.deepEqual(await sent(page, 'decide'), []);
    },
  },
  {
    name: 'never decides while text is being typed',
    scenario: 'run',
    async check(page) {
      await field(page).focus();
      await page.evaluate(() => {
        window.__leaked = [];
        window.addEventListener('keydown', (e) => window.__leaked.push(e.key));
      });
      await page.keyboard.type('asxfnjk012/?e');
      await page.locator('rationale-toolbar #search').focus();
      await page.keyboard.type('as1?');
      await page.locator('rationale-toolbar #review').focus();
      await page.keyboard.press('a');
      const made = (await sent(page, 'decide')).map((m) => m.decision.kind);
      assert.deepEqual(made, ['explanation'], 'leaving the field keeps the text, and nothing else was decided');
      assert.deepEqual(await sent(page, 'move'), []);
      assert.deepEqual(
        await page.evaluate(() => window.__leaked),
        [],
        'typed letters must not reach VS Code’s key bindings',
      );
    },
  },
  {
    name: 'keeps undo and redo in the field that has the focus',
    scenario: 'run',
    async check(page) {
      await page.evaluate(() => {
        window.__leaked = [];
        document.addEventListener('keydown', (e) => window.__leaked.push(e.key));
      });
      const before = await field(page).inputValue();
      await field(page).focus();
      await page.keyboard.press('End');
      await page.keyboard.type('abc');
      await until(page, () => window.__host.sent.some((m) => m.type === 'draft'));
      // How many typed letters one undo takes back is the browser's affair.
      for (let i = 0; i < 3 && (await field(page).inputValue()) !== before; i++) {
        await page.keyboard.press('Control+z');
      }
      assert.equal(
        await field(page).inputValue(),
        before,
        'native undo works although the draft went to the host and back',
      );
      await page.keyboard.press('Control+y');
      assert.notEqual(await field(page).inputValue(), before);
      await page.keyboard.press('Control+z');
      await page.keyboard.press('Control+Shift+z');
      assert.notEqual(await field(page).inputValue(), before);
      assert.deepEqual(await page.evaluate(() => window.__leaked.filter((k) => /^[zy]$/i.test(k))), []);
      await list(page).focus();
      await page.keyboard.press('Control+z');
      assert.deepEqual(
        await page.evaluate(() => window.__leaked.filter((k) => /^[zy]$/i.test(k))),
        ['z'],
        'outside a field undo is VS Code’s',
      );
    },
  },
  {
    name: 'posts a draft while typing and takes it back when the text is as before',
    scenario: 'run',
    async check(page) {
      await field(page).focus();
      await page.keyboard.press('Control+End');
      await page.keyboard.type('!');
      await until(page, () => window.__host.sent.filter((m) => m.type === 'draft').length === 1);
      await page.keyboard.press('Backspace');
      await until(page, () => window.__host.sent.filter((m) => m.type === 'draft').length === 2);
      const drafts = await sent(page, 'draft');
      assert.match(drafts[0].text, /!$/);
      assert.equal(drafts[1].text, null);
      await page.keyboard.press('Escape');
      assert.deepEqual(await sent(page, 'decide'), []);
      assert.equal(await focused(page), 'listbox');
    },
  },
  {
    name: 'shows what an edit changed, resets it, and follows an undo of the document',
    scenario: 'run',
    async check(page) {
      const original = await field(page).inputValue();
      await page.keyboard.press('e');
      assert.equal(await focused(page), 'textarea');
      await page.keyboard.type(' Nothing else.');
      await page.keyboard.press('Escape');
      await decisions(page, 1);
      assert.match(await page.locator('rationale-explanation ins').innerText(), /Nothing else/);
      await page.evaluate(() => window.__host.undo());
      await until(
        page,
        () =>
          !document
            .querySelector('rationale-editor')
            .shadowRoot.querySelector('rationale-detail')
            .shadowRoot.querySelector('rationale-explanation')
            .shadowRoot.querySelector('ins'),
      );
      assert.equal(await field(page).inputValue(), original);
      await page.keyboard.press('e');
      await page.keyboard.type(' Again.');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Reset to the original' }).click();
      await decisions(page, 3);
      assert.equal((await sent(page, 'decide'))[2].decision.text, original);
    },
  },
  {
    name: 'keeps the text of the row it was typed on when a command moves the selection',
    scenario: 'run',
    async check(page) {
      await field(page).focus();
      await page.keyboard.type('Typed here. ');
      await page.evaluate(() => window.__host.emit({ type: 'perform', action: 'nextRow' }));
      await decisions(page, 1);
      const [kept] = await sent(page, 'decide');
      assert.equal(kept.key, 0);
      assert.match(kept.decision.text, /Typed here/);
      assert.equal(await row(page, 2).getAttribute('aria-selected'), 'true');
      assert.doesNotMatch(await field(page).inputValue(), /Typed here/);
    },
  },
  {
    name: 'applies a quick decision to the row the person went to, however slow the host',
    scenario: 'run',
    async check(page) {
      await list(page).focus();
      await page.evaluate(() => (window.__host.latency = 150));
      await page.keyboard.press('j');
      await page.keyboard.press('2');
      await decisions(page, 1);
      const [first] = await sent(page, 'decide');
      const [select] = await sent(page, 'select');
      assert.equal(first.key, select.key);
      await page.keyboard.press('s');
      await page.keyboard.press('x');
      await decisions(page, 3);
      const [, skip, cannot] = await sent(page, 'decide');
      assert.equal(skip.key, select.key);
      assert.notEqual(cannot.key, skip.key);
    },
  },
  {
    name: 'reaches the last of 10,000 rows by End and keeps few rows in the page',
    scenario: 'many',
    async check(page) {
      await list(page).focus();
      await page.keyboard.press('End');
      await selected(page).and(page.locator('[aria-posinset="10000"]')).waitFor();
      assert.equal(await selected(page).getAttribute('aria-setsize'), '10000');
      assert.match(await heading(page).innerText(), /^row 10000 /);
      assert.ok(await selected(page).isVisible());
      assert.ok((await page.locator('rationale-list [role=option]').count()) < 80);
      const active = await list(page).getAttribute('aria-activedescendant');
      assert.equal(await selected(page).getAttribute('id'), active);
      await page.keyboard.press('PageUp');
      assert.ok(Number(await selected(page).getAttribute('aria-posinset')) < 9999);
      await page.keyboard.press('Home');
      await selected(page).and(page.locator('[aria-posinset="1"]')).waitFor();
      const asked = await sent(page, 'getRows');
      assert.ok(asked.length < 20, `${asked.length} pages asked for`);
    },
  },
  {
    name: 'shows a malformed line as a row of its own that takes no decision',
    scenario: 'many',
    async check(page) {
      await row(page, 8).click();
      await page.getByRole('heading', { name: 'Line 8 cannot be read' }).waitFor();
      assert.match(await page.locator('rationale-detail .all').innerText(), /Unexpected end of JSON input/);
      await page.keyboard.press('a');
      await until(page, () => /no judgement/.test(document.querySelector('.announcer')?.textContent ?? ''));
      assert.deepEqual(await sent(page, 'decide'), []);
    },
  },
  {
    name: 'keeps the selected row where it is on screen when scores change the order',
    scenario: 'many',
    async check(page) {
      await list(page).hover();
      await page.mouse.wheel(0, 2000);
      await row(page, 48).click();
      await until(page, () => window.__host.sent.some((m) => m.type === 'select'));
      const before = await selected(page).boundingBox();
      await page.evaluate(() => {
        const { rows } = window.__host;
        rows.unshift(...rows.splice(200, 30));
        window.__host.changed();
      });
      await selected(page).and(page.locator('[aria-posinset="78"]')).waitFor();
      await page.waitForTimeout(200);
      const after = await selected(page).boundingBox();
      assert.ok(Math.abs(after.y - before.y) <= 2, `moved by ${after.y - before.y} px`);
    },
  },
  {
    name: 'filters by text, review state and label, says how many are left, and offers the way back',
    scenario: 'run',
    async check(page) {
      await page.keyboard.press('/');
      await page.keyboard.type('lace plant');
      await page.getByText(/^\d+ of 24 rows$/).waitFor();
      await page.keyboard.type('zzz');
      await page.getByText('No row matches the filter.').waitFor();
      await page.getByRole('button', { name: 'Show all 24 rows' }).click();
      await page.getByText('24 rows', { exact: true }).waitFor();
      assert.equal(await page.locator('rationale-toolbar #search').evaluate((e) => e.value), '');
      await page.locator('rationale-toolbar #label').click();
      await page.getByRole('option', { name: '3 highly relevant' }).click();
      await page.getByText('2 of 24 rows').waitFor();
      const filters = await sent(page, 'setFilter');
      assert.deepEqual(filters.at(-1).filter.labels, [3]);
      await page.locator('rationale-toolbar #order').click();
      await page.getByRole('option', { name: 'Least certain first' }).click();
      assert.deepEqual((await sent(page, 'setOrder')).at(-1), { type: 'setOrder', order: 'margin' });
    },
  },
  {
    name: 'shades the sentences that carry the label, numbered, with the probabilities without each',
    scenario: 'run',
    async check(page) {
      const before = await page.locator('rationale-detail .body').evaluate((e) => e.textContent.replace(/\s+/g, ''));
      await page.getByRole('button', { name: 'What carries this label?' }).click();
      assert.deepEqual(await last(page, 'run'), { type: 'run', action: 'whatCarries', key: 0 });
      await showCarries(page);
      const marks = page.locator('rationale-detail mark.carries');
      // Two of the six have next to no effect.
      assert.equal(await marks.count(), 4);
      assert.deepEqual((await marks.locator('.place').allInnerTexts()).sort(), ['1', '2', '3', '4']);
      assert.equal(await page.locator('rationale-detail mark.against').count(), 1);
      const table = page.getByRole('region', { name: 'Sentences by effect' });
      assert.match(await table.getByRole('row').nth(2).innerText(), /\+1\.210\s+related \(changed\)\s+20 %\s+50 %/);
      const shown = await page.locator('rationale-detail .body').evaluate((e) => {
        const copy = e.cloneNode(true);
        for (const number of copy.querySelectorAll('.place')) number.remove();
        return copy.textContent.replace(/\s+/g, '');
      });
      assert.equal(shown, before);
      await page.getByRole('button', { name: 'Cancel' }).click();
      assert.equal((await sent(page, 'cancelCarries')).length, 1);
      assert.deepEqual(await serious(page), []);
      await page.keyboard.press('j');
      await row(page, 2).and(page.locator('[aria-selected=true]')).waitFor();
      assert.equal(await page.locator('rationale-carries section').count(), 0, 'only on the row it is about');
    },
  },
  {
    name: 'says which rows another view asked for, and goes back to all of them',
    scenario: 'run',
    async check(page) {
      await page.evaluate(() => window.__host.setSubset({ title: 'human relevant, model related', rows: 3 }));
      await page.getByText('Only the 3 rows with human relevant, model related.').waitFor();
      await page.locator('rationale-toolbar .subset').getByRole('button', { name: 'Show all 24 rows' }).click();
      await until(page, () => window.__host.sent.some((m) => m.type === 'clearSubset'));
      await page.getByText('Only the 3 rows').waitFor({ state: 'detached' });
    },
  },
  {
    name: 'grows a rationale while it is being written and then lets it be edited',
    scenario: 'streaming',
    async check(page) {
      const box = page.locator('rationale-explanation .text');
      assert.equal(await box.getAttribute('aria-busy'), 'true');
      await page.evaluate(() => {
        window.__host.rows[0].explanation = 'The document covers';
        window.__host.changed();
      });
      await page.getByText('The document covers', { exact: true }).waitFor();
      await page.evaluate(() => {
        Object.assign(window.__host.rows[0], { explanation: 'The document covers it.', streaming: false });
        window.__host.changed();
      });
      await field(page).waitFor();
      assert.equal(await field(page).inputValue(), 'The document covers it.');
    },
  },
  {
    name: 'refuses a decision on a document that has no score yet, and says why',
    scenario: 'streaming',
    async check(page) {
      await list(page).focus();
      await page.keyboard.press('End');
      await until(page, () => window.__host.sent.some((m) => m.type === 'select'));
      await page.keyboard.press('a');
      await until(page, () => /not been judged yet/.test(document.querySelector('.announcer')?.textContent ?? ''));
      assert.deepEqual(await sent(page, 'decide'), []);
      assert.equal(await page.getByRole('progressbar', { name: 'Run' }).getAttribute('aria-valuenow'), '14');
      await page.getByRole('button', { name: 'Cancel' }).click();
      assert.equal((await sent(page, 'run')).at(-1).action, 'cancelRun');
    },
  },
  {
    name: 'changes nothing in a read-only revision',
    scenario: 'readonly',
    async check(page) {
      await list(page).focus();
      for (const key of ['a', '2', 'f', 'Backspace']) await page.keyboard.press(key);
      await until(page, () => /git revision/.test(document.querySelector('.announcer')?.textContent ?? ''));
      assert.deepEqual(await sent(page, 'decide'), []);
      assert.ok(await field(page).evaluate((e) => e.readOnly));
      await page.keyboard.press('j');
      assert.equal((await sent(page, 'select')).length, 1);
    },
  },
  {
    name: 'says so when a file is empty and while a model is loading',
    scenario: 'empty',
    async check(page) {
      await page.getByText('This file holds no judgements yet.').waitFor();
      await page.evaluate(() =>
        window.__host.setRun({ state: 'loading', done: 0, total: 30, message: 'Loading rationale-135m' }),
      );
      await page.locator('rationale-list .empty').getByText('Loading rationale-135m').waitFor();
    },
  },
  {
    name: 'does what a command asks for, as its key would',
    scenario: 'run',
    async check(page) {
      for (const action of ['label0', 'togglePrompt', 'showShortcuts']) {
        await page.evaluate((a) => window.__host.emit({ type: 'perform', action: a }), action);
      }
      await decisions(page, 1);
      assert.deepEqual((await sent(page, 'decide'))[0].decision, { kind: 'label', label: 0 });
      assert.ok(await page.locator('rationale-detail #prompt').evaluate((e) => e.open));
      assert.ok(await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).isVisible());
      await page.keyboard.press('a');
      await page.keyboard.press('Escape');
      assert.ok(await page.getByRole('dialog').isHidden());
      assert.equal((await sent(page, 'decide')).length, 1, 'keys do not decide behind the dialog');
    },
  },
  {
    name: 'resizes the list from the keyboard and remembers it',
    scenario: 'run',
    async check(page) {
      const width = async () => (await page.locator('rationale-list').boundingBox()).width;
      const before = await width();
      await page.getByRole('separator').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowRight');
      assert.ok((await width()) > before + 20);
      assert.equal(await page.evaluate(() => window.acquireVsCodeApi().getState().split), 40);
    },
  },
  {
    name: 'stays usable at 200 % zoom: nothing wider than the page, everything within reach',
    scenario: 'run',
    size: { width: 640, height: 400, scale: 2 },
    async check(page) {
      const wide = await page.evaluate(() => {
        const out = [];
        const visit = (root) => {
          for (const e of root.querySelectorAll('*')) {
            const box = e.getBoundingClientRect();
            if (box.width > 0 && box.right > innerWidth + 1 && !e.closest('svg'))
              out.push(`${e.localName}.${e.className} ${box.right}`);
            if (e.shadowRoot) visit(e.shadowRoot);
          }
        };
        visit(document);
        return out;
      });
      assert.deepEqual(wide, []);
      await page.locator('rationale-detail .document').scrollIntoViewIfNeeded();
      await page.locator('rationale-detail summary').first().click();
      assert.ok(await page.getByText('query likelihood').isVisible());
    },
  },
  ...['dark', 'light', 'hc-dark', 'hc-light'].map((theme) => ({
    name: `has no serious accessibility fault in ${theme}`,
    scenario: 'reviewed',
    theme,
    async check(page) {
      for (const id of ['facts', 'prompt', 'raw']) await page.locator(`rationale-detail #${id} summary`).click();
      assert.deepEqual(await serious(page), [], 'with everything open');
      await list(page).focus();
      assert.deepEqual(await serious(page), [], 'with the list focused');
      await page.keyboard.press('?');
      assert.deepEqual(await serious(page), [], 'with the shortcut sheet');
    },
  })),
];
