// Where the time went, what was survived, every other metric, and the job.
function timeSection() {
  const body = section('time', 'Time', help('Wall clock of the steps of reinforcement learning by phase; rest: what lies between the phases, waiting for other silos included.'));
  const host = grid(body), having = all().filter(r => runs[r].time.seconds > 0);
  if (having.length === 0) { host.append(el('figure', null, el('figcaption', null, el('h3', null, 'Time by phase')), absent('No step of reinforcement learning has written its times.'))); return; }
  const parts = [...new Set(having.flatMap(r => runs[r].time.phases.slice(0, -1)))].concat('rest');
  const partOf = (r, part) => { const i = runs[r].time.phases.indexOf(part); return i < 0 ? 0 : runs[r].time.totals[i]; };
  const summary = having.slice(0, 6).map(r => `${nameOf(r)}: ${duration(runs[r].time.seconds)}, ${parts.map(part => `${part} ${percent(partOf(r, part) / runs[r].time.seconds)}`).join(', ')}`).join('. ');
  figure(host, { id: 'time-phases', title: 'Time by phase, all steps',
    draw: (plot, width, legend) => { const bars = having.filter(shows).map(r => ({ name: nameOf(r), parts: parts.map(part => partOf(r, part)) })); if (bars.length === 0) nothing(plot); else rowBars(plot, width, { title: 'Time by phase', summary, parts, bars }); partsLegend(legend, parts); },
    table: () => table('Seconds, and share of the whole', ['run', ...parts, 'all steps'], having.map(r => el('tr', { 'data-run': nameOf(r) }, el('th', { scope: 'row' }, nameOf(r)), parts.map(part => cell(partOf(r, part), `${fmt(Number(partOf(r, part).toPrecision(4)))} (${percent(partOf(r, part) / runs[r].time.seconds)})`)), cell(runs[r].time.seconds))), { id: 'time' }) });
  metricFigure(host, { id: 'step-seconds', metric: 'time/step_s', title: 'Seconds per step', name: 'time/step_s', zero: true });
  metricFigure(host, { id: 'throughput', metric: 'throughput/tokens_per_s', title: 'Response tokens per second', name: 'throughput/tokens_per_s', zero: true });
  runPicker(body, (place, run) => {
    if (run.time.seconds <= 0) return;
    const t = run.time;
    figure(grid(place, true), { id: 'time-steps', title: 'Mean seconds per step, by phase', draw: (plot, width, legend) => { columnBars(plot, width, { title: 'Mean seconds per step, by phase', summary: t.phases.map((phase, i) => `${phase} ${duration(t.totals[i])}`).join(', '), parts: t.phases, from: t.from, to: t.to, mean: t.mean }); partsLegend(legend, t.phases); } });
  });
}

const faultWords = { started: 'began', resumed: 'went on from a checkpoint', continued: 'another coordinator took over after the last commit', redone: 'a silo was lost; the step was done again', rolled_back: 'the weights were lost everywhere; back to the last checkpoint', stopped: 'stopped in order', finished: 'finished', failed: 'ended with an error' };

function faultSection() {
  const body = section('faults', 'Faults survived', help('A run has one history: its numbers are those of an undisturbed run, whatever happened on the way. This is what happened.'));
  runPicker(body, (place, run) => {
    const f = run.faults, fact = (number, text) => el('li', null, el('b', null, fmt(number)), el('span', null, text));
    place.append(el('ul', { class: 'facts' }, f.recorded ? [fact(f.died, 'processes that died'), fact(f.resumes, 'resumes from a checkpoint'), fact(f.takeOvers, 'coordinators replaced'), fact(f.redone, 'losses of silos'), fact(f.rolledBack, 'roll-backs'), fact(f.redoSteps, 'committed steps done again')] : null, fact(f.rewardFailures, 'scores that failed for good'), fact(f.dropped, 'samples dropped')));
    if (!f.recorded) { place.append(absent('The run has no faults.jsonl: it began before there was one, so interruptions are not known.')); return; }
    place.append(table(`${f.left > 0 ? `The last ${f.events.length} of ${f.events.length + f.left} events` : 'Events'}; times in UTC`, ['time', 'what happened', 'where', 'after step', 'done again', 'message'], f.events.map(one => el('tr', null, el('th', { scope: 'row', class: 'nowrap' }, (one.time || '').replace('T', ' ').replace(/\.\d+Z$/, '')), textCell(faultWords[one.kind] || one.kind), textCell(one.host), el('td', null, one.step === null ? '–' : `${one.stage === 'supervised' ? 'supervised ' : ''}${one.step}`), cell(one.redoSteps), textCell(one.message || ''))), { id: 'faults', text: [1, 2, 5] }));
  });
}

function explorer() {
  const names = [...new Set(runs.flatMap(run => Object.keys(run.rl.series)))].sort();
  const body = section('metrics', 'Any metric', help('Every metric that the runs wrote for steps of reinforcement learning; docs/metrics.md says what each means.'));
  if (names.length === 0) { body.append(absent('No step of reinforcement learning is finished yet.')); return; }
  const start = names.includes('learning_rate') ? 'learning_rate' : names[0];
  const select = el('select', null, names.map(name => el('option', { value: name, selected: name === start }, name))), place = el('div');
  body.append(el('label', { class: 'pick' }, 'Metric', select), place);
  const show = () => { place.replaceChildren(); metricFigure(grid(place, true), { id: 'any-metric', metric: select.value, title: select.value }); changed(); };
  select.addEventListener('change', show);
  metricFigure(grid(place, true), { id: 'any-metric', metric: start, title: start });
  const left = runs.reduce((sum, run) => sum + run.rl.leftOut, 0);
  if (left > 0) body.append(absent(`${left} metrics are left out of this page; the CSV export has them all.`));
}

function jobSection() {
  const body = section('job', 'The resolved job');
  if (several) {
    body.append(el('h3', null, 'Settings that differ'));
    body.append(data.differences.length === 0 ? absent('None, or a job could not be read.') : table('Settings in which the jobs differ', ['setting', ...runs.map(run => run.label)], data.differences.map(one => el('tr', null, el('th', { scope: 'row' }, one.key), one.values.map(value => textCell(value === null ? '–' : value)))), { id: 'differences', text: runs.map((_, i) => i + 1) }));
  }
  runPicker(body, (place, run) => place.append(run.job === null ? absent('The run has no job.yaml.') : el('details', { open: !several, class: 'print-open' }, el('summary', null, 'job.yaml: every setting, defaults included'), el('pre', { class: 'job', tabindex: '0' }, run.job))));
}
