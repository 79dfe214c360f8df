// Page object of the Rationale editor: found by role and name, as a screen reader finds it.

/**
 * @param {Awaited<ReturnType<import('./workbench.mjs').openWorkbench>>} workbench
 */
export function rationaleEditor(workbench) {
  const frame = workbench.webview();
  const list = frame.getByRole('listbox', { name: 'Ranking' });
  const rows = list.getByRole('option');
  const rationale = frame.getByRole('textbox', { name: 'Rationale', exact: true });
  return {
    frame,
    list,
    rows,
    /** The selected row; its name says everything it shows. */
    selected: list.locator('[role=option][aria-selected=true]'),
    /** The rationale's field; absent while it is being written. */
    rationale,
    document: frame.getByRole('region', { name: 'Document' }),
    notices: frame.locator('rationale-notices .notice'),
    labels: frame.getByRole('radiogroup', { name: 'Label' }).getByRole('radio'),
    /** Presses a key as if the list had the focus. */
    async press(key) {
      await list.focus();
      await workbench.page.keyboard.press(key);
    },
    /** What the screen reader is told of a row. */
    words: async (row) => (await row.locator('.spoken').first().textContent()) ?? '',
  };
}
