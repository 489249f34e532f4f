// Colours for numbers: orange below 0, blue above, grey at 0. The number itself is always there too.
const heatColour = value => `color-mix(in oklab, var(--${value < 0 ? 'neg' : 'pos'}) ${Math.round(Math.min(1, Math.abs(value)) * 100)}%, var(--mid))`;

function heatCell(value, text, strength) {
  const share = strength === undefined ? value : strength;
  if (value === null || value === undefined) return el('td', { class: 'none' }, '–');
  return el('td', { class: Math.abs(share) > 0.6 ? 'strong' : null, 'data-value': String(value), css: { background: heatColour(share) } }, text);
}

function matrix(title, id, valueOf, head) {
  return table(title, [head, ...objectives], objectives.map((row, i) => el('tr', null, el('th', { scope: 'row' }, row), objectives.map((_, j) => valueOf(i, j)))), { class: 'heat', id });
}

// Rows over stretches of steps.
function strip(plot, width, o) {
  const left = Math.min(170, Math.max(90, width * 0.24)), size = o.rows.length > 16 ? 14 : 20, top = 4, height = top + o.rows.length * size + 24, right = 8;
  const count = o.from.length, wide = (width - left - right) / count;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${o.title}. ${o.summary}` });
  const tip = tooltip(plot);
  o.rows.forEach((row, r) => {
    const y = top + r * size, shown = row.name.length > left / 6.2 ? row.name.slice(0, Math.floor(left / 6.2) - 1) + '…' : row.name;
    picture.append(svg('text', { x: left - 6, y: y + size / 2 + 4, 'text-anchor': 'end' }, shown, svg('title', null, row.name)));
    row.values.forEach((value, t) => {
      if (value === null) return;
      const box = svg('rect', { x: (left + t * wide).toFixed(2), y, width: (wide + 0.3).toFixed(2), height: size - 2, css: { fill: heatColour(value) } });
      box.addEventListener('pointerenter', () => tip.show(left + (t + 0.5) * wide, width, row.name, [[el('span', null, o.from[t] === o.to[t] ? `step ${o.from[t]}` : `steps ${o.from[t]} to ${o.to[t]}`), el('b', null, fmt(value))], ...(o.from[t] === o.to[t] ? [] : [[el('span', null, 'lowest, highest'), el('b', null, `${fmt(row.low[t])}, ${fmt(row.high[t])}`)]])]));
      picture.append(box);
    });
  });
  for (const t of spread([...Array(count).keys()], Math.max(2, Math.min(count, Math.floor(width / 130))))) picture.append(svg('text', { x: left + (t + 0.5) * wide, y: height - 6, 'text-anchor': 'middle' }, tickText(o.from[t])));
  picture.addEventListener('pointerleave', () => tip.hide());
  plot.prepend(picture);
}

function scaleLegend(legend) {
  legend.append(el('li', null, ...[-1, -0.5, 0, 0.5, 1].map(value => el('span', { class: 'nowrap' }, svg('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, svg('rect', { width: 26, height: 10, css: { fill: heatColour(value) } })), ` ${value} `))));
}
