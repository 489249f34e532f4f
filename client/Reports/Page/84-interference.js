// Who falls while others rise; where gradients disagree; whether it was foretold.
function interferenceSection() {
  const body = section('interference', 'Interference', help('Realised: an objective fell by more than two standard errors on a step’s own answers while the weighted signal rose. Geometric: gradients of two objectives with a negative cosine pull the weights apart.'));
  runPicker(body, (place, run, r) => {
    const host = grid(place), i = run.interference, c = run.cosines;
    const events = el('figure', { id: 'interference-pairs' }, el('figcaption', null, el('h3', null, 'Steps in which the row fell and the column gained most')));
    host.append(events);
    if (i.measured === 0) events.append(absent(`Not in this run: interference/events. ${why('interference/')}`));
    else {
      const most = Math.max(1, ...i.counts.flat());
      events.append(i.eventSteps === 0 ? el('p', null, `None in ${i.measured} measured steps.`) : el('p', { class: 'help' }, `${i.eventSteps} of ${i.measured} measured steps (${percent(i.eventSteps / i.measured)}).`),
        matrix('Interference events', 'interference', (a, b) => a === b ? el('td', { class: 'none' }, '') : heatCell(i.counts[a][b], String(i.counts[a][b]), -i.counts[a][b] / most), 'fell \\ gained'));
    }
    const cosines = el('figure', { id: 'cosines' }, el('figcaption', null, el('h3', null, 'Cosines between the objectives’ gradients, mean over the run')));
    host.append(cosines);
    if (c === null) { cosines.append(absent(`Not in this run: gradient/cosine. ${why('gradient/cosine')}`)); }
    else {
      const of = (a, b) => c.pairs.findIndex(pair => (pair[0] === a && pair[1] === b) || (pair[0] === b && pair[1] === a));
      cosines.append(matrix(`Mean cosine, and share of the ${c.measured} measured steps in which it was negative`, 'cosines', (a, b) => { const p = of(a, b); return a === b ? el('td', { class: 'none' }, '1') : p < 0 ? heatCell(null) : heatCell(c.overall[p], [fmt(Number(c.overall[p].toFixed(3))), el('br'), el('small', null, `${percent(c.negative[p])} < 0`)]); }, 'gradient'));
      figure(grid(place, true), { id: 'cosine-map', title: 'Gradient cosines over the steps', help: c.from.some((from, t) => from !== c.to[t]) ? 'Each box is the mean over a stretch of steps; pointing at it shows the lowest and highest.' : null,
        draw: (plot, width, legend) => { strip(plot, width, { title: 'Gradient cosines over the steps', summary: c.pairs.map((pair, p) => `${objectives[pair[0]]} and ${objectives[pair[1]]}: mean ${fmt(c.overall[p])}`).slice(0, 12).join('. '), from: c.from, to: c.to, rows: c.pairs.map((pair, p) => ({ name: `${objectives[pair[0]]} · ${objectives[pair[1]]}`, values: c.mean[p], low: c.low[p], high: c.high[p] })) }); scaleLegend(legend); },
        table: () => table('Mean cosine per stretch of steps', ['steps', ...c.pairs.map(pair => `${objectives[pair[0]]} · ${objectives[pair[1]]}`)], c.from.map((from, t) => el('tr', null, el('th', { scope: 'row' }, from === c.to[t] ? String(from) : `${from}–${c.to[t]}`), c.pairs.map((_, p) => cell(c.mean[p][t])))), { id: 'cosine-map' }) });
    }
  });
  const host = grid(body);
  metricFigure(host, { id: 'conflict', metric: 'gradient/conflict_rate', title: 'Share of pairs in conflict', name: 'gradient/conflict_rate', zero: true });
  metricFigure(host, { id: 'stationarity', metric: 'gradient/stationarity_gap', title: 'Pareto-stationarity gap', name: 'gradient/stationarity_gap', zero: true, help: '0: no direction serves all objectives any more.' });
}

const predictors = [
  ['covariance', 'Covariance law, per step', 'predicted covariance', 'realised change of the score'],
  ['gradient', 'Gradients with the optimizer’s movement, per step', 'predicted by the gradient', 'realised change of the score'],
  ['validations', 'Covariances between validations', 'sum of covariances since the last validation', 'change on held-out prompts'],
];

function predictionSection() {
  const body = section('prediction', 'Predicted against realised improvement', help('Each dot is an objective in a step. In the green quarters the prediction has the sign of what happened; the dashed line through the origin fits best. Covariances foretell up to a common factor (the step size), so the sign and the line matter, not the slope itself.'));
  runPicker(body, (place, run) => {
    const host = grid(place);
    for (const [kind, title, x, y] of predictors) {
      const p = run.prediction[kind];
      if (!p) { host.append(el('figure', { id: `prediction-${kind}` }, el('figcaption', null, el('h3', null, title)), absent(`Not in this run. ${kind === 'gradient' ? why('predicted/gradient') : kind === 'validations' ? 'It takes two validations and steps between them.' : why('realised/')}`))); continue; }
      const numbers = `same sign in ${percent(p.sameSign)} of ${p.total} points, slope ${fmt(p.slope)}, R² ${fmt(p.r2)}`;
      figure(host, { id: `prediction-${kind}`, title, help: `Over all objectives: ${numbers}${p.total > p.x.length ? `; ${p.x.length} points are drawn` : ''}.`,
        draw: (plot, width, legend) => {
          const points = p.x.map((value, i) => ({ x: value, y: p.y[i], colour: p.o[i], name: `${objectives[p.o[i]]}, step ${p.s[i]}` })).filter((_, i) => within(p.s[i]));
          scatter(plot, width, { title, summary: numbers, points, x, y, zero: true, slope: p.slope, quadrants: true, radius: kind === 'validations' ? 4 : null });
          legend.append(...objectives.map((name, j) => el('li', null, svg('svg', { class: 'swatch', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, svg('circle', { cx: 13, cy: 5, r: 4, css: { fill: colour(j) } })), name)));
        },
        table: () => table(`${title}: ${numbers}`, ['step', 'objective', 'predicted', 'realised'], spread([...p.x.keys()], tableRows).map(i => el('tr', null, el('th', { scope: 'row' }, String(p.s[i])), textCell(objectives[p.o[i]]), cell(p.x[i]), cell(p.y[i]))), { id: `prediction-${kind}`, text: [1] }) });
    }
  });
  const host = grid(body);
  metricFigure(host, { id: 'sign-agreement', metric: 'prediction/covariance/sign_agreement', title: 'Covariance law: signs that agree', name: 'sign agreement', help: 'About the last 20 steps; 0.5 is chance.' });
  metricFigure(host, { id: 'prediction-r2', metric: 'prediction/covariance/r2', title: 'Covariance law: share explained', name: 'R²', zero: true });
}

function paretoSection() {
  const body = section('pareto', 'Pareto front and hypervolume', help('Every validation is a point. Rings: no validation of any run in this report is at least as good in all objectives and better in one. The path runs from the first validation to the last; the cross is the hypervolume’s reference point.'));
  const host = grid(body);
  const total = runs.reduce((sum, run) => sum + run.validation.steps.length, 0);
  if (objectives.length < 2) host.append(el('figure', null, el('figcaption', null, el('h3', null, 'Pareto front')), absent('It takes two objectives or more.')));
  else if (total === 0) host.append(el('figure', null, el('figcaption', null, el('h3', null, 'Pareto front')), absent(why('validation/'))));
  else {
    const axes = { x: 0, y: 1 };
    const choose = key => {
      const select = el('select', { on: { change: () => { axes[key] = Number(select.value); changed(); } } }, objectives.map((name, j) => el('option', { value: String(j), selected: axes[key] === j }, name)));
      return el('label', { class: 'pick' }, key === 'x' ? 'across' : 'up', select);
    };
    const place = el('div');
    host.append(place);
    const left = runs.filter(run => run.validation.total > run.validation.steps.length).length;
    figure(place, { id: 'pareto-front', title: 'Held-out means', pick: objectives.length > 2 ? el('div', { class: 'controls' }, choose('x'), choose('y')) : null, help: left > 0 ? 'Of long runs a part of the validations is shown: an even spread and their own front.' : null,
      draw: (plot, width, legend) => {
        const points = [], paths = [];
        runs.forEach((run, r) => {
          const v = run.validation, path = [];
          v.steps.forEach((step, i) => {
            const x = v.mean[i][axes.x], y = v.mean[i][axes.y];
            if (x === null || y === null || !within(step)) return;
            path.push([x, y]);
            points.push({ run: several ? r : null, x, y, colour: several ? r : 0, big: v.front[i], ring: v.front[i], name: `${several ? `${run.label}, ` : ''}step ${step}${v.front[i] ? ', on the front' : ''}` });
          });
          if (path.length > 1) paths.push({ run: several ? r : null, points: path, colour: several ? r : 0 });
        });
        const reference = runs[0].validation.reference;
        scatter(plot, width, { title: 'Pareto front', summary: `${objectives[axes.x]} across, ${objectives[axes.y]} up; ${points.length} validations, ${points.filter(point => point.big).length} on the front.`, points, paths, x: objectives[axes.x], y: objectives[axes.y], radius: 3, include: reference && several === false ? [[reference[axes.x], reference[axes.y], 'reference point']] : [] });
        if (several && runs.length <= 10) legend.append(...runs.map((run, r) => el('li', null, swatch({ colour: r }), run.label)));
      },
      table: () => table('Validations', ['run', 'step', 'front', ...objectives], spread(runs.flatMap((run, r) => shows(r) ? run.validation.steps.map((step, i) => [run, step, i]) : []), 400).map(([run, step, i]) => el('tr', { 'data-step': step, 'data-run': run.label }, el('th', { scope: 'row' }, run.label), el('td', null, String(step)), textCell(run.validation.front[i] ? 'yes' : ''), objectives.map((_, j) => cell(run.validation.mean[i][j])))), { id: 'validations', text: [2] }) });
  }
  metricFigure(host, { id: 'hypervolume', metric: 'validation/hypervolume', title: 'Hypervolume of the held-out means', name: 'hypervolume', dots: true, zero: true });
  metricFigure(host, { id: 'hypervolume-archive', metric: 'validation/hypervolume_archive', title: 'Hypervolume of all validations together', name: 'archive', zero: true });
  metricFigure(host, { id: 'worst-gain', metric: 'validation/worst_gain', title: 'Worst gain so far', name: 'validation/worst_gain', zero: true, help: 'Change, since the first validation, of the objective that gained least.' });
}
