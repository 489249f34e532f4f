// A figure: caption, picture, legend, and the same numbers as a table for those who do not see the picture or want to copy them.
const drawn = [];

function figure(host, o) {
  const plot = el('div', { class: 'plot' }), legend = el('ul', { class: 'legend' });
  const body = el('figure', { id: o.id },
    el('figcaption', null, el('h3', null, o.title), o.help ? el('p', { class: 'help' }, o.help) : null, o.pick || null), plot, legend);
  if (o.table) {
    const details = el('details', null, el('summary', null, 'Data table', el('span', { class: 'unseen' }, ` of ${o.title}`)));
    const show = () => { if (details.open) details.replaceChildren(details.firstChild, o.table()); };
    details.addEventListener('toggle', show);
    show.node = details;
    view.redraw.push(show);
    body.append(details);
  }
  host.append(body);
  const draw = () => {
    const width = Math.max(260, Math.round(plot.clientWidth || 560));
    legend.replaceChildren();
    plot.replaceChildren();
    o.draw(plot, width, legend);
  };
  draw.node = body;
  drawn.push({ plot, draw, width: 0 });
  view.redraw.push(draw);
  return body;
}

// Pictures are as wide as their place: drawn once it is known, and again when it changes.
function startDrawing() {
  for (const one of drawn) { one.width = one.plot.clientWidth; one.draw(); }
  let waiting = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => { for (const one of drawn) if (Math.abs(one.plot.clientWidth - one.width) > 1 && one.plot.clientWidth > 0) { one.width = one.plot.clientWidth; one.draw(); } });
  }).observe(document.getElementById('main'));
}

// Frame with axes; returns the scales and the picture.
function frame(plot, width, height, label, x, y, o) {
  const left = o.left || 48, right = 12, top = 8, bottom = o.xLabel ? 34 : 22;
  const xs = scale(x[0], x[1], left, width - right), ys = scale(y[0], y[1], height - bottom, top);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', tabindex: o.keys ? '0' : null, 'aria-label': label });
  for (const tick of ys.ticks(4)) {
    picture.append(svg('line', { class: tick === 0 ? 'zero' : 'grid-line', x1: left, x2: width - right, y1: ys(tick), y2: ys(tick) }),
      svg('text', { x: left - 6, y: ys(tick) + 4, 'text-anchor': 'end' }, tickText(tick)));
  }
  for (const tick of xs.ticks(Math.max(2, Math.floor(width / 75)), o.whole)) {
    if (o.xGrid) picture.append(svg('line', { class: tick === 0 ? 'zero' : 'grid-line', x1: xs(tick), x2: xs(tick), y1: top, y2: height - bottom }));
    picture.append(svg('line', { class: 'axis', x1: xs(tick), x2: xs(tick), y1: height - bottom, y2: height - bottom + 4 }),
      svg('text', { x: Math.min(xs(tick), width - 10), y: height - bottom + 16, 'text-anchor': 'middle' }, tickText(tick)));
  }
  picture.append(svg('line', { class: 'axis', x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  if (o.xLabel) picture.append(svg('text', { x: (left + width - right) / 2, y: height - 4, 'text-anchor': 'middle' }, o.xLabel));
  if (o.yLabel) picture.append(svg('text', { x: 12, y: (top + height - bottom) / 2, 'text-anchor': 'middle', transform: `rotate(-90 12 ${(top + height - bottom) / 2})` }, o.yLabel));
  plot.append(picture);
  return { picture, xs, ys, left, right: width - right, top, bottom: height - bottom };
}

const nothing = (plot, text) => plot.append(el('p', { class: 'absent' }, text || 'Nothing to draw: every run is hidden, or the chosen steps have no such numbers.'));

function tooltip(plot) {
  const box = el('div', { class: 'tip', hidden: true });
  plot.append(box);
  return {
    show(x, width, title, rows) {
      box.replaceChildren(el('div', null, el('b', null, title)), ...rows.map(row => el('div', null, row)));
      box.hidden = false;
      box.style.setProperty('left', x < width / 2 ? `${(x + 14) / width * 100}%` : 'auto');
      box.style.setProperty('right', x < width / 2 ? 'auto' : `${(width - x + 14) / width * 100}%`);
    },
    hide() { box.hidden = true; },
  };
}
