import { describe, expect, it } from 'vitest';
import { hasScheme, linkTarget, lookupFolders, writtenPath } from './document-place.js';

describe('lookupFolders', () => {
  it('goes up from the judgement file to its workspace folder, then to the others', () => {
    expect(lookupFolders('/w/.rationale/runs', '/w', ['/w', '/v'])).toEqual([
      '/w/.rationale/runs',
      '/w/.rationale',
      '/w',
      '/v',
    ]);
    expect(lookupFolders('/w', '/w', ['/w'])).toEqual(['/w']);
    expect(lookupFolders('/a/b', '/', ['/'])).toEqual(['/a/b', '/a', '/']);
  });

  it('does not climb out of a folder that lies in no workspace', () => {
    expect(lookupFolders('/elsewhere/runs', null, ['/w'])).toEqual(['/elsewhere/runs', '/w']);
    expect(lookupFolders('/workspace-2/runs', '/workspace', [])).toEqual(['/workspace-2/runs']);
  });
});

describe('writtenPath', () => {
  it('keeps a file name with a colon from looking like a URI', () => {
    expect(writtenPath('notes/a.md')).toBe('notes/a.md');
    expect(writtenPath('re:plan.md')).toBe('./re:plan.md');
    expect(hasScheme(writtenPath('re:plan.md'))).toBe(false);
  });
});

describe('linkTarget', () => {
  it('encodes a path and leaves a URI as it is', () => {
    expect(linkTarget('a b/50% (#1)>.md')).toBe('a%20b/50%25%20(%231)%3E.md');
    expect(linkTarget('file:///w/a%20b.md')).toBe('file:///w/a%20b.md');
  });
});
