import { describe, expect, it } from 'vitest';
import { webviewHtml } from './webview-html.js';

const addresses = {
  element: 'rationale-editor',
  cspSource: 'https://host',
  script: 'https://host/editor.js',
  styles: ['https://host/style.css'],
} as const;

function nonceOf(html: string): string {
  return /script-src 'nonce-([^']+)'/.exec(html)?.[1] ?? '';
}

describe('webviewHtml', () => {
  it('allows neither inline nor evaluated code, and nothing that is not named', () => {
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(webviewHtml(addresses))?.[1] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe-|\*|data:|blob:/);
  });

  it('lets a page load the pictures it makes itself, and nothing else besides', () => {
    const own = webviewHtml({ ...addresses, element: 'rationale-evaluation', ownPictures: true });
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(own)?.[1] ?? '';
    expect(policy).toContain('img-src https://host blob:');
    expect(policy.replace('img-src https://host blob:', '')).not.toMatch(/unsafe-|\*|data:|blob:/);
    expect(own).toContain('<rationale-evaluation></rationale-evaluation>');
  });

  it('makes a new nonce of 128 bits for every page', () => {
    const nonces = [webviewHtml(addresses), webviewHtml(addresses)].map(nonceOf);
    expect(new Set(nonces).size).toBe(2);
    for (const nonce of nonces) expect(Buffer.from(nonce, 'base64url')).toHaveLength(16);
  });

  it('gives its nonce to every script it holds', () => {
    const html = webviewHtml(addresses);
    const scripts = html.match(/<script[^>]*>/g) ?? [];
    expect(scripts).toHaveLength(1);
    for (const script of scripts) expect(script).toContain(`nonce="${nonceOf(html)}"`);
  });
});
