import { describe, expect, it } from 'vitest';
import { webviewHtml } from './webview-html.js';

const addresses = { cspSource: 'https://host', script: 'https://host/editor.js', styles: ['https://host/style.css'] };

function nonceOf(html: string): string {
  return /script-src 'nonce-([^']+)'/.exec(html)?.[1] ?? '';
}

describe('webviewHtml', () => {
  it('allows neither inline nor evaluated code, and nothing that is not named', () => {
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(webviewHtml(addresses))?.[1] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe-|\*|data:|blob:/);
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
