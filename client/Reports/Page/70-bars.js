// Stacked bars. A bar: { name, parts: [value per part] }; across: one bar per row; else columns over stretches of steps.
function rowBars(plot, width, o) {
  const left = several ? Math.min(190, Math.max(84, width * 0.26)) : 8, size = 22, top = 4, height = top + o.bars.length * size + 24, most = extent(o.bars.map(bar => bar.parts.reduce((sum, part) => sum + part, 0)))[1] || 1;
  const xs = scale(0, most, left, width - 14);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${o.title}. ${o.summary}` });
  o.bars.forEach((bar, r) => {
    const shown = bar.name.length > left / 6.2 ? bar.name.slice(0, Math.floor(left / 6.2) - 1) + '…' : bar.name;
    if (several) picture.append(svg('text', { x: left - 6, y: top + r * size + 14, 'text-anchor': 'end' }, shown, svg('title', null, bar.name)));
    let from = 0;
    bar.parts.forEach((part, i) => {
      picture.append(svg('rect', { x: xs(from), y: top + r * size + 2, width: Math.max(0, xs(from + part) - xs(from)), height: size - 6, css: { fill: colour(i) } }, svg('title', null, `${bar.name}, ${o.parts[i]}: ${duration(part)}`)));
      from += part;
    });
  });
  for (const tick of xs.ticks(Math.max(2, Math.floor(width / 150)))) picture.append(svg('text', { x: xs(tick), y: height - 6, 'text-anchor': xs(tick) > width - 40 ? 'end' : tick === 0 ? 'start' : 'middle' }, duration(tick)));
  plot.append(picture);
}

function columnBars(plot, width, o) {
  const sums = o.from.map((_, t) => o.mean.reduce((sum, part) => sum + part[t], 0));
  const f = frame(plot, width, 220, `${o.title}. ${o.summary}`, [0, o.from.length], [0, (extent(sums)[1] || 1) * 1.04], { noTicks: true, left: 48 });
  for (const old of [...f.picture.querySelectorAll('text[text-anchor=middle], line.axis')]) old.remove();
  o.from.forEach((from, t) => {
    let under = 0;
    o.mean.forEach((part, i) => {
      f.picture.append(svg('rect', { x: f.xs(t).toFixed(2), y: f.ys(under + part[t]), width: Math.max(0.6, f.xs(t + 1) - f.xs(t) - 0.5).toFixed(2), height: Math.max(0, f.ys(under) - f.ys(under + part[t])), css: { fill: colour(i) } }, svg('title', null, `${from === o.to[t] ? `step ${from}` : `steps ${from} to ${o.to[t]}`}, ${o.parts[i]}: ${duration(part[t])}`)));
      under += part[t];
    });
  });
  for (const t of spread([...o.from.keys()], Math.max(2, Math.min(o.from.length, Math.floor(width / 110))))) f.picture.append(svg('text', { x: f.xs(t + 0.5), y: f.bottom + 16, 'text-anchor': 'middle' }, tickText(o.from[t])));
}

const partsLegend = (legend, parts) => legend.append(...parts.map((part, i) => el('li', null, svg('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, svg('rect', { width: 26, height: 10, css: { fill: colour(i) } })), part)));
