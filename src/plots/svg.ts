/** Writes a plot as an SVG file that stands alone: for `--plot`, for reports and for the panel's export. */
import { attributesOf, classOf, fontSize, paletteColour, rules, type Palette } from './look.js';
import { rect, text, type Mark, type Plot } from './mark.js';
import { wrap } from './words.js';

interface SvgOptions {
  /** `auto`: light, and dark where the reader's system asks for it (programs without CSS show it light). */
  readonly palette?: Palette | 'auto';
  /** Put before the ids of title and description, which must differ where several pictures share one page. */
  readonly idPrefix?: string;
}

const margin = 16;
/** How much wider bold letters are. */
const boldness = 1.12;

/**
 * The picture with its title, as an SVG document of UTF-8 text. Every text is escaped, so that no label becomes markup;
 * the same plot always gives the same bytes.
 */
export function svgOf(plot: Plot, { palette = 'auto', idPrefix = 'plot' }: SvgOptions = {}): string {
  const base: Palette = palette === 'dark' ? 'dark' : 'light';
  const { marks, top } = header(plot);
  const width = plot.width + 2 * margin;
  const height = top + plot.height + margin;
  const dark =
    palette === 'auto'
      ? `<style>@media (prefers-color-scheme: dark) {\n${rules('svg.rationale-plot ', (name) => paletteColour(name, 'dark'))}\n}</style>`
      : '';
  const body = [rect(0, 0, width, height, 'back'), ...marks].map((mark) => element(mark, base)).join('\n');
  const inner = plot.marks.map((mark) => element(mark, base)).join('\n');
  const id = escapeXml(idPrefix);
  return `<svg xmlns="http://www.w3.org/2000/svg" class="rationale-plot" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-description" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif">
<title id="${id}-title">${escapeXml(plot.title)}</title>
<desc id="${id}-description">${escapeXml(plot.description)}</desc>
${dark}${body}
<g transform="translate(${margin} ${top})">
${inner}
</g>
</svg>
`;
}

/** Title and description as text above the picture. */
function header(plot: Plot): { readonly marks: readonly Mark[]; readonly top: number } {
  let y = margin;
  const marks: Mark[] = [];
  for (const [content, look] of [
    [plot.title, 'title'],
    [plot.description, 'subtitle'],
  ] as const) {
    for (const part of wrap(content, plot.width, fontSize(look) * (look === 'title' ? boldness : 1))) {
      y += fontSize(look) + 4;
      marks.push(text(part, { x: margin, y: y - 4 }, look));
    }
    y += 4;
  }
  return { marks, top: y + 8 };
}

function element(mark: Mark, palette: Palette): string {
  const attributes: Record<string, string | number> = {
    ...(mark.look === undefined
      ? {}
      : { class: classOf(mark.look), ...attributesOf(mark.look, (name) => paletteColour(name, palette)) }),
    ...mark.attributes,
  };
  const written = Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
  const inside = [
    mark.hint === undefined ? '' : `<title>${escapeXml(mark.hint)}</title>`,
    mark.text === undefined ? '' : escapeXml(mark.text),
    ...(mark.children ?? []).map((child) => element(child, palette)),
  ].join('');
  return inside === '' ? `<${mark.tag}${written}/>` : `<${mark.tag}${written}>${inside}</${mark.tag}>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as XML content or attribute value. Characters that XML 1.0 forbids (§2.2) become U+FFFD. */
export function escapeXml(value: string): string {
  return value
    .toWellFormed()

    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, (c) => entities[c] ?? c);
}
