// From the runs to figures: which metric of which run, and what to say where there is none.
function seriesOf(run, name, stage) {
  const from = runs[run][stage || 'rl'], one = from.series[name];
  return one ? { s: from.axes[one.a], v: one.v } : null;
}

// Why a run may lack a metric. Silence would look like a defect of the report.
const reasons = [
  [/^gradient\/(cosine|norm\/|improvement|against|conflict|norm_ratio|stationarity)|^predicted\/gradient/, 'Gradients per objective are measured by methods that solve for them, and by others with diagnostics.gram_every (0 by default; each measurement costs a backward pass per objective).'],
  [/^realised\/|^clip\/|^prediction\/|^interference\//, 'It is measured in every diagnostics.realised_every-th step (1 by default; 0: never).'],
  [/^validation\//, 'The job does not validate (schedule.validate_every: 0, or no held-out data).'],
  [/hypervolume/, 'Hypervolumes are computed for up to 6 objectives, at validations.'],
  [/^policy\/entropy/, 'It is written with an entropy term in the loss only (loss.entropy_coefficient).'],
  [/^reward_kl\//, 'The job has no KL penalty in the reward (reward_kl).'],
  [/^value\//, 'Only advantage.estimator: gae has a value head.'],
  [/^(objective|weight|covariance|correlation|policy|response|loss\/policy)/, 'No step of reinforcement learning is finished yet, or every one of its samples was dropped.'],
];
const why = name => (reasons.find(([pattern]) => pattern.test(name)) || [null, 'The method or the build that wrote the run does not write it.'])[1];

const nameOf = run => runs[run].label;
const all = () => runs.map((_, r) => r);

// One metric of every run over the steps.
function metricFigure(host, o) {
  const having = all().filter(r => seriesOf(r, o.metric, o.stage));
  if (having.length === 0) {
    host.append(el('figure', { id: o.id }, el('figcaption', null, el('h3', null, o.title)), absent(`Not in ${several ? 'these runs' : 'this run'}: ${o.metric}. ${o.why || why(o.metric)}`)));
    return;
  }
  const lacking = all().filter(r => !having.includes(r));
  const series = having.map(r => ({ name: several ? nameOf(r) : o.name || o.metric, run: several ? r : null, colour: several ? r : 0, thin: o.thin, ...seriesOf(r, o.metric, o.stage) }));
  lineFigure(host, { ...o, series: o.more ? [...series, ...o.more] : series, help: [o.help, lacking.length ? `Not in ${lacking.slice(0, 4).map(nameOf).join(', ')}${lacking.length > 4 ? ` and ${lacking.length - 4} more` : ''}. ${why(o.metric)}` : null].filter(Boolean).join(' ') });
}

// A metric of every objective: of one run in one figure, of several runs a figure per objective.
function perObjective(host, o) {
  if (several) { objectives.forEach((name, j) => metricFigure(host, { ...o, id: `${o.id}-${j}`, metric: o.metric(name), title: `${o.title}: ${name}` })); return; }
  const series = objectives.map((name, j) => ({ name, colour: j, ...seriesOf(0, o.metric(name)) })).filter(one => one.v);
  if (series.length === 0) host.append(el('figure', { id: o.id }, el('figcaption', null, el('h3', null, o.title)), absent(`Not in this run: ${o.metric('NAME')}. ${o.why || why(o.metric('NAME'))}`)));
  else lineFigure(host, { ...o, series });
}

function section(id, title, ...lead) {
  const head = el('h2', { id }, title), body = el('section', { 'aria-labelledby': id }, head, ...lead);
  document.getElementById('main').append(body);
  return body;
}

const grid = (host, wide) => { const one = el('div', { class: wide ? 'grid wide' : 'grid' }); host.append(one); return one; };
const help = text => el('p', { class: 'help' }, text);

// Sections that show one run at a time share the choice.
function runPicker(host, draw) {
  const place = el('div', { 'data-run-place': true });
  if (several) {
    const select = el('select', { on: { change: () => { view.run = Number(select.value); changed(); } } }, runs.map((run, r) => el('option', { value: String(r) }, run.label)));
    view.redraw.unshift(() => { select.value = String(view.run); });
    host.append(el('label', { class: 'pick' }, 'Run', select));
  }
  host.append(place);
  let shown = -1;
  const show = () => { if (shown !== view.run) { shown = view.run; place.replaceChildren(); draw(place, runs[shown], shown); } };
  show();
  view.redraw.unshift(show);
}
