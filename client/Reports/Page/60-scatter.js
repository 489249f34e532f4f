// Points in a plane. A point: { x, y, colour, name, run, big, ring }.
function scatter(plot, width, o) {
  const points = o.points.filter(point => shows(point.run));
  if (points.length === 0) { nothing(plot); return; }
  const height = Math.min(380, Math.max(250, Math.round(width * 0.62)));
  const f = frame(plot, width, height, `${o.title}. ${o.summary}`, span([...points.map(point => point.x), ...(o.include || []).map(one => one[0])], o.zero), span([...points.map(point => point.y), ...(o.include || []).map(one => one[1])], o.zero), { xLabel: o.x, yLabel: o.y, left: 62, xGrid: true });
  if (o.quadrants) {
    const x0 = Math.max(f.left, Math.min(f.right, f.xs(0))), y0 = Math.max(f.top, Math.min(f.bottom, f.ys(0)));
    const ground = (kind, x1, y1, x2, y2) => { if (x2 > x1 && y2 > y1) f.picture.append(svg('rect', { class: kind, x: x1, y: y1, width: x2 - x1, height: y2 - y1 })); };
    ground('good-ground', x0, f.top, f.right, y0); ground('good-ground', f.left, y0, x0, f.bottom);
    ground('bad-ground', f.left, f.top, x0, y0); ground('bad-ground', x0, y0, f.right, f.bottom);
  }
  if (typeof o.slope === 'number') {
    const ends = [f.xs.low, f.xs.high].map(x => [x, o.slope * x]).map(([x, y]) => { const held = Math.max(f.ys.low, Math.min(f.ys.high, y)); return [o.slope === 0 ? x : held / o.slope, held]; });
    f.picture.append(svg('line', { class: 'target', x1: f.xs(ends[0][0]), y1: f.ys(ends[0][1]), x2: f.xs(ends[1][0]), y2: f.ys(ends[1][1]) }));
  }
  for (const path of o.paths || []) if (shows(path.run)) f.picture.append(svg('path', { d: 'M' + path.points.map(([x, y]) => `${f.xs(x).toFixed(1)} ${f.ys(y).toFixed(1)}`).join('L'), fill: 'none', css: { stroke: colour(path.colour) }, 'stroke-width': 1, opacity: 0.55, 'stroke-dasharray': dashOf(path.colour) }));
  for (const [x, y, text] of o.include || []) f.picture.append(svg('path', { d: `M${f.xs(x) - 6} ${f.ys(y)}h12M${f.xs(x)} ${f.ys(y) - 6}v12`, css: { stroke: 'var(--fg)' }, 'stroke-width': 1.6 }, svg('title', null, text)));
  for (const point of points) f.picture.append(svg('circle', { cx: f.xs(point.x).toFixed(1), cy: f.ys(point.y).toFixed(1), r: point.big ? 5 : o.radius || 2.6, css: { fill: point.ring ? 'var(--card)' : colour(point.colour), stroke: colour(point.colour) }, 'stroke-width': point.big ? 2.2 : 0.8, 'fill-opacity': point.big || o.radius ? 1 : 0.55 }));
  const tip = tooltip(plot);
  f.picture.addEventListener('pointermove', event => {
    const box = f.picture.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * width, y = (event.clientY - box.top) / box.height * height;
    let best = null, least = 900;
    for (const point of points) { const far = (f.xs(point.x) - x) ** 2 + (f.ys(point.y) - y) ** 2; if (far < least) { least = far; best = point; } }
    if (best === null) tip.hide(); else tip.show(f.xs(best.x), width, best.name, [[el('span', null, o.x), el('b', null, fmt(best.x))], [el('span', null, o.y), el('b', null, fmt(best.y))]]);
  });
  f.picture.addEventListener('pointerleave', () => tip.hide());
}
