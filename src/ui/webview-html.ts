/** The page around the Rationale editor's web component. Nothing of a judgement file is ever written into it. */
import { randomBytes } from 'node:crypto';

export interface WebviewAddresses {
  /** `webview.cspSource`. */
  readonly cspSource: string;
  readonly script: string;
  readonly styles: readonly string[];
}

/**
 * HTML with a strict Content-Security-Policy: scripts only by a 128-bit nonce, styles and fonts only from the
 * extension's own folder, no inline code, no eval, no network. The meta element `csp-nonce` is where the toolkit
 * looks for the nonce of the style elements it makes.
 */
export function webviewHtml({ cspSource, script, styles }: WebviewAddresses): string {
  const nonce = randomBytes(16).toString('base64url');
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `font-src ${cspSource}`,
    `img-src ${cspSource}`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="csp-nonce" content="${nonce}" nonce="${nonce}" property="csp-nonce">
${styles.map((href) => `<link rel="stylesheet" href="${href}"${href.includes('codicon') ? ' id="vscode-codicon-stylesheet"' : ''}>`).join('\n')}
<title>Rationale</title>
</head>
<body>
<rationale-editor></rationale-editor>
<script type="module" nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
