// Lines over steps. A series: { name, run, colour, thin, dots, s: steps, v: values, e: standard errors }.
const within = step => (view.from === null || step >= view.from) && (view.to === null || step <= view.to);
const tableRows = 150;

function inView(all) {
  return all.filter(one => shows(one.run)).map(one => {
    const kept = one.s.map((step, i) => i).filter(i => within(one.s[i]) && one.v[i] !== null);
    return { ...one, s: kept.map(i => one.s[i]), v: kept.map(i => one.v[i]), e: one.e ? kept.map(i => one.e[i]) : null };
  }).filter(one => one.s.length > 0);
}

const stepsOf = all => [...new Set(all.flatMap(one => one.s))].sort((a, b) => a - b);
const spread = (list, most) => list.length <= most ? list : Array.from({ length: most }, (_, i) => list[Math.floor(i * (list.length - 1) / (most - 1))]);

function nearest(list, value) {
  let low = 0, high = list.length - 1;
  while (high - low > 1) { const middle = (low + high) >> 1; if (list[middle] < value) low = middle; else high = middle; }
  return Math.abs(list[low] - value) <= Math.abs(list[high] - value) ? low : high;
}

function lineFigure(host, o) {
  const all = o.series;
  return figure(host, {
    id: o.id, title: o.title, help: o.help, pick: o.pick,
    table: () => lineTable(o, inView(all)),
    draw: (plot, width, legend) => drawLines(plot, width, legend, o, inView(all)),
  });
}

function lineTable(o, all) {
  const steps = stepsOf(all), kept = spread(steps, tableRows);
  const maps = all.map(one => new Map(one.s.map((step, i) => [step, one.v[i]])));
  const caption = kept.length < steps.length ? `${kept.length} of ${steps.length} drawn steps; ctwa report --csv has every step` : `${steps.length} steps`;
  return table(`${o.title}: ${caption}`, ['step', ...all.map(one => one.name)], kept.map(step => el('tr', { 'data-step': step }, el('th', { scope: 'row' }, String(step)), maps.map(map => cell(map.get(step), map.has(step) ? undefined : '')))), { id: o.id });
}

function drawLines(plot, width, legend, o, all) {
  if (all.length === 0) { nothing(plot); return; }
  const height = width < 360 ? 190 : 220, values = [];
  for (const one of all) one.v.forEach((value, i) => { values.push(value); if (one.e && one.e[i] && (one.band || one.s.length < 80)) values.push(value - one.e[i], value + one.e[i]); });
  const targets = (o.targets || []).filter(target => shows(target.run));
  for (const target of targets) values.push(target.y);
  const steps = stepsOf(all), x = steps.length > 1 ? [steps[0], steps[steps.length - 1]] : [steps[0] - 0.5, steps[0] + 0.5];
  const label = `${o.title}. ` + all.slice(0, 8).map(one => `${one.name}: ${fmt(one.v[0])} at step ${one.s[0]}, ${fmt(one.v[one.v.length - 1])} at step ${one.s[one.s.length - 1]}, lowest ${fmt(extent(one.v)[0])}, highest ${fmt(extent(one.v)[1])}.`).join(' ') + (all.length > 8 ? ` And ${all.length - 8} more.` : '') + ' Arrow keys read the steps.';
  const f = frame(plot, width, height, label, x, span(values, o.zero), { whole: true, keys: true });
  for (const target of targets) {
    f.picture.append(svg('line', { class: 'target', x1: f.left, x2: f.right, y1: f.ys(target.y), y2: f.ys(target.y), css: target.colour === undefined ? null : { stroke: colour(target.colour) } }),
      svg('text', { class: 'target-text', x: f.right, y: f.ys(target.y) - 4, 'text-anchor': 'end' }, target.label));
  }
  for (const one of all) lines(f, one);
  for (const mark of (o.marks || []).filter(mark => within(mark.step) && mark.step >= x[0] && mark.step <= x[1])) {
    f.picture.append(svg('path', { class: 'fell', d: `M${f.xs(mark.step) - 4} ${f.bottom - 8}h8l-4 7z` }, svg('title', null, mark.text)));
  }
  follow(plot, f, width, all, steps);
  // With several runs their training lines have the colours of the held-out ones, and the list of runs names them.
  const named = several && all.some(one => !one.thin) ? all.filter(one => !one.thin) : all;
  if (named.length <= 10) {
    legend.append(...named.map(one => el('li', null, swatch(one), el('span', null, one.name, ' ', el('b', null, one.s.length > 1 ? `${fmt(one.v[0])} → ${fmt(one.v[one.v.length - 1])}` : fmt(one.v[0]))))));
    if ((o.marks || []).length > 0) legend.append(el('li', null, svg('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, svg('path', { d: 'M9 1h8l-4 8z', css: { fill: 'var(--bad)' } })), 'interference: it fell while the signal rose'));
  } else legend.append(el('li', null, `${named.length} lines: colours as in the list of runs above`));
}

function lines(f, one) {
  const paint = { stroke: colour(one.colour) };
  if (one.band) {
    // Where the band leaves the picture it is cut off: the line is what the picture is scaled for.
    const edge = sign => one.s.map((step, i) => `${f.xs(step).toFixed(1)} ${Math.max(f.top, Math.min(f.bottom, f.ys(one.v[i] + sign * 2 * (one.e[i] || 0)))).toFixed(1)}`);
    const upper = edge(1), lower = edge(-1).reverse();
    f.picture.append(svg('path', { d: `M${upper.join('L')}L${lower.join('L')}Z`, css: { fill: colour(one.colour) }, opacity: 0.14 }));
  } else if (one.e && one.s.length <= 80) {
    one.s.forEach((step, i) => { if (one.e[i]) f.picture.append(svg('line', { x1: f.xs(step), x2: f.xs(step), y1: f.ys(one.v[i] - one.e[i]), y2: f.ys(one.v[i] + one.e[i]), css: paint, 'stroke-width': 1.2 })); });
  }
  f.picture.append(svg('path', { d: 'M' + one.s.map((step, i) => `${f.xs(step).toFixed(1)} ${f.ys(one.v[i]).toFixed(1)}`).join('L'), fill: 'none', css: paint, 'stroke-width': one.thin ? 1.2 : 2.2, 'stroke-linejoin': 'round', 'stroke-dasharray': dashOf(one.colour), opacity: one.thin ? 0.75 : 1 }));
  if ((one.dots || one.s.length === 1) && one.s.length <= 80) one.s.forEach((step, i) => f.picture.append(svg('circle', { cx: f.xs(step), cy: f.ys(one.v[i]), r: 3, css: { fill: colour(one.colour) } })));
}

// The step under the pointer, or that of the arrow keys, in numbers.
function follow(plot, f, width, all, steps) {
  const tip = tooltip(plot), cross = svg('line', { class: 'cross', y1: f.top, y2: f.bottom, visibility: 'hidden' });
  f.picture.append(cross);
  let at = -1;
  const show = (index, aloud) => {
    at = Math.max(0, Math.min(steps.length - 1, index));
    const step = steps[at], x = f.xs(step);
    fill(cross, { x1: x, x2: x, visibility: 'visible' }, []);
    const rows = all.map(one => { const i = nearest(one.s, step); return { one, step: one.s[i], value: one.v[i] }; });
    tip.show(x, width, `step ${step}`, rows.slice(0, 14).map(row => [el('span', null, row.one.name + (row.step === step ? '' : ` (step ${row.step})`)), el('b', null, fmt(row.value))]));
    if (aloud) say(`step ${step}: ` + rows.slice(0, 8).map(row => `${row.one.name} ${fmt(row.value)}`).join(', '));
  };
  const hide = () => { tip.hide(); cross.setAttribute('visibility', 'hidden'); };
  f.picture.addEventListener('pointermove', event => {
    const box = f.picture.getBoundingClientRect();
    show(nearest(steps, f.xs.back((event.clientX - box.left) / box.width * width)), false);
  });
  f.picture.addEventListener('pointerleave', hide);
  f.picture.addEventListener('blur', hide);
  f.picture.addEventListener('keydown', event => {
    const jump = Math.max(1, Math.round(steps.length / 10));
    const to = { ArrowRight: at + 1, ArrowLeft: at < 0 ? steps.length - 1 : at - 1, PageUp: at + jump, PageDown: at - jump, Home: 0, End: steps.length - 1 }[event.key];
    if (event.key === 'Escape') hide();
    if (to === undefined) return;
    event.preventDefault();
    show(to, true);
  });
}
