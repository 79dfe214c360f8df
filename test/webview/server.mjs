// Serves the built webview on loopback under the exact policy that the extension gives it.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { bodyClass, themeCss } from './themes.mjs';

const root = new URL('../../', import.meta.url);
const types = { css: 'text/css', js: 'text/javascript', ttf: 'font/ttf' };

const pages = {
  editor: { element: 'rationale-editor', host: 'host.js', script: 'editor.js' },
  evaluation: {
    element: 'rationale-evaluation',
    host: 'evaluation-host.js',
    script: 'evaluation.js',
    images: 'blob:',
  },
};
/** Scenarios of the evaluation panel are called `evaluation-…`. */
const pageOf = (scenario) => (scenario?.startsWith('evaluation') ? pages.evaluation : pages.editor);

/** @param {Record<string, () => Promise<object>>} scenarios what the scripted host starts with, by name */
export async function serve(scenarios) {
  const server = createServer((request, response) => {
    answer(new URL(request.url, 'http://127.0.0.1'), request.headers.host).then(
      ({ headers, body }) => response.writeHead(200, headers).end(body),
      (error) => response.writeHead(404).end(String(error)),
    );
  });

  async function answer(url, host) {
    const theme = url.searchParams.get('theme') ?? 'dark';
    if (url.pathname === '/') return page(url, theme, `http://${host}`);
    if (url.pathname === '/favicon.ico') return { headers: { 'content-type': 'image/x-icon' }, body: '' };
    if (url.pathname === '/theme.css') return { headers: { 'content-type': 'text/css' }, body: themeCss(theme) };
    if (url.pathname === '/host.js' || url.pathname === '/evaluation-host.js') {
      const scenario = await scenarios[url.searchParams.get('scenario')]();
      const script = await readFile(new URL(url.pathname.slice(1), import.meta.url), 'utf8');
      return {
        headers: { 'content-type': 'text/javascript' },
        body: `const scenario = ${JSON.stringify(scenario)};\n${script}`,
      };
    }
    const file = /^\/(?:editor|evaluation|codicon)\.(css|js|ttf)$/.exec(url.pathname);
    if (file === null) throw new Error(`no ${url.pathname}`);
    return {
      headers: { 'content-type': types[file[1]] },
      body: await readFile(new URL(`dist/webview${url.pathname}`, root)),
    };
  }

  function page(url, theme, source) {
    const nonce = randomBytes(16).toString('hex');
    // Pictures that the page makes itself: only the evaluation panel has any, to draw them onto a canvas.
    const kind = pageOf(url.searchParams.get('scenario'));
    const images = kind.images === undefined ? '' : ` ${kind.images}`;
    const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source} 'nonce-${nonce}'; font-src ${source}; img-src ${source}${images}`;
    return {
      headers: { 'content-type': 'text/html; charset=utf-8' },
      body: `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta property="csp-nonce" content="${nonce}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="stylesheet" href="/theme.css?theme=${theme}" />
    <link rel="stylesheet" href="/codicon.css" />
    <link rel="stylesheet" href="/editor.css" />
    <title>Rationale</title>
  </head>
  <body class="${bodyClass(theme)}">
    <${kind.element}></${kind.element}>
    <script nonce="${nonce}" src="/${kind.host}${url.search}"></script>
    <script nonce="${nonce}" type="module" src="/${kind.script}"></script>
  </body>
</html>`,
    };
  }

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: (scenario, theme = 'dark') => `http://127.0.0.1:${server.address().port}/?scenario=${scenario}&theme=${theme}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
