// Numbers for people. A table's cell also carries its number in full (data-value).
function fmt(value) {
  if (typeof value !== 'number' || !isFinite(value)) return '–';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  return size >= 1e7 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

const signed = value => typeof value === 'number' && isFinite(value) ? (value > 0 ? '+' : '') + fmt(Number(value.toPrecision(3))) : '–';
const percent = value => typeof value === 'number' && isFinite(value) ? `${Number((100 * value).toFixed(value !== 0 && Math.abs(value) < 0.1 ? 1 : 0))} %` : '–';

function duration(seconds) {
  if (typeof seconds !== 'number' || !isFinite(seconds)) return '–';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
}

const cell = (value, text) => el('td', { 'data-value': typeof value === 'number' ? String(value) : null }, text === undefined ? fmt(value) : text);
const textCell = text => el('td', { class: 'text' }, text === null || text === undefined ? '–' : String(text));

function table(caption, head, rows, options) {
  const o = options || {};
  return el('div', { class: o.open ? 'scroll open' : 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    el('table', { class: o.class, 'data-table': o.id }, el('caption', o.hideCaption ? { class: 'unseen' } : null, caption),
      el('thead', null, el('tr', null, head.map((text, i) => el('th', { scope: 'col', class: i === 0 || (o.text || []).includes(i) ? 'text' : null }, text)))),
      el('tbody', null, rows)));
}

const absent = text => el('p', { class: 'absent' }, text);
