/** The page around a web component, the Rationale editor's or the evaluation panel's. Nothing of a file is ever written into it. */
import { randomBytes } from 'node:crypto';

export interface WebviewPage {
  readonly element: 'rationale-editor' | 'rationale-evaluation';
  /** `webview.cspSource`. */
  readonly cspSource: string;
  readonly script: string;
  readonly styles: readonly string[];
  /** The page makes pictures itself and draws them onto a canvas: those, and no others, may be loaded from `blob:`. */
  readonly ownPictures?: true;
}

/**
 * HTML with a strict Content-Security-Policy: scripts only by a 128-bit nonce, styles and fonts only from the
 * extension's own folder, no inline code, no eval, no network. The meta element `csp-nonce` is where the toolkit
 * looks for the nonce of the style elements it makes.
 */
export function webviewHtml({ element, cspSource, script, styles, ownPictures }: WebviewPage): string {
  const nonce = randomBytes(16).toString('base64url');
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `font-src ${cspSource}`,
    `img-src ${cspSource}${ownPictures === true ? ' blob:' : ''}`,
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
<${element}></${element}>
<script type="module" nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
