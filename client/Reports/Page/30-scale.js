// From values to pixels, with round ticks.
function stepOf(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].find(factor => factor * power >= least * (1 - 1e-9)) * power;
}

function scale(low, high, start, end) {
  const at = value => start + (value - low) / (high - low) * (end - start);
  at.back = pixel => low + (pixel - start) / (end - start) * (high - low);
  at.low = low; at.high = high;
  at.ticks = (count, whole) => {
    let step = stepOf((high - low) / count);
    if (whole) step = Math.max(1, step);
    const ticks = [];
    for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-9; tick += step) ticks.push(Math.abs(tick) < step * 1e-9 ? 0 : Number(tick.toPrecision(12)));
    return ticks;
  };
  return at;
}

function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  return [low, high];
}

function span(values, withZero) {
  let [low, high] = extent(values);
  if (withZero) { low = Math.min(low, 0); high = Math.max(high, 0); }
  if (!isFinite(low) || (withZero && low === 0 && high === 0)) return [0, 1];
  if (high - low < 1e-12 * Math.max(1, Math.abs(high))) { const half = Math.abs(high) * 0.1 || 0.5; low -= half; high += half; }
  const room = (high - low) * 0.05;
  return [low === 0 && withZero ? 0 : low - room, high === 0 && withZero ? 0 : high + room];
}

const tickText = value => Math.abs(value) >= 10000 ? `${Number((value / 1000).toPrecision(4))}k` : fmt(value);
const colour = index => `var(--c${index % 8})`;
const dashes = ['', '6 3', '2 3', '9 3 2 3', '1 4', '12 4', '4 4 1 4', '9 2'];
const dashOf = index => dashes[Math.floor(index / 8) % 8] || null;

function swatch(series) {
  return svg('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' },
    svg('line', { x1: 0, y1: 5, x2: 26, y2: 5, css: { stroke: colour(series.colour) }, 'stroke-width': series.thin ? 1.3 : 2.6, 'stroke-dasharray': dashOf(series.colour) }),
    series.dots ? svg('circle', { cx: 13, cy: 5, r: 3.5, css: { fill: colour(series.colour) } }) : null);
}
