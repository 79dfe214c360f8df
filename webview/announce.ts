/** The live region: what a screen reader says beside what has the focus. */

let region: HTMLElement | undefined;
let turn = 0;

/** Says `text` once, politely. Empty text says nothing. */
export function announce(text: string): void {
  if (text === '') return;
  if (region === undefined) {
    region = document.createElement('div');
    region.className = 'announcer';
    region.setAttribute('role', 'status');
    region.setAttribute('aria-live', 'polite');
    document.body.append(region);
  }
  // Two alternating lines: a region that receives the same text twice stays silent the second time.
  const line = document.createElement('p');
  line.textContent = turn++ % 2 === 0 ? text : `${text}\u00a0`;
  const target = region;
  // A region filled in the frame of its creation is not read.
  setTimeout(() => target.replaceChildren(line), 30);
}
