// What the tests of both pages look at: the focus, the messages sent, accessibility.
import { readFile } from 'node:fs/promises';

const axe = await readFile(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** The element that has the focus, through all shadow roots: its tag and role. */
export const focused = (page) =>
  page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element?.getAttribute('role') ?? element?.localName ?? '';
  });

/** The messages of a type that the page has sent. */
export const sent = (page, type) => page.evaluate((t) => window.__host.sent.filter((m) => m.type === t), type);
/** Waits until the condition holds in the page. */
export const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: 4000 });

/** Serious faults that axe finds in the page. */
export async function serious(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .flatMap((v) =>
      v.nodes.map((node) => `${v.id}: ${node.target.flat().join(' ')} – ${node.any[0]?.message ?? v.help}`),
    );
}
