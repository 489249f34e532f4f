// Who it is about, what came of it, and the controls for the whole page.
function verdictOf(run) {
  if (run.summary && run.summary.verdict) return run.summary.verdict;
  if (run.validation.steps.length < 2) return 'There are no two validations yet to compare.';
  const last = run.validation.mean.length - 1;
  const moved = objectives.map((name, j) => ({ name, by: run.validation.mean[last][j] - run.validation.mean[0][j], error: Math.hypot(run.validation.error[0][j] || 0, run.validation.error[last][j] || 0) }));
  const fell = moved.filter(one => one.by < 0 && -one.by >= 2 * one.error), rose = moved.filter(one => one.by > 0 && one.by >= 2 * one.error);
  if (fell.length > 0) return `${fell.map(one => one.name).join(', ')} fell${rose.length > 0 ? ` while ${rose.map(one => one.name).join(', ')} rose` : ''} on held-out prompts so far`;
  return rose.length === moved.length ? 'every objective rose on held-out prompts so far' : rose.length > 0 ? `${rose.map(one => one.name).join(', ')} rose and none fell on held-out prompts so far` : 'no objective moved by two standard errors so far';
}

function moveText(before, after, beforeError, afterError) {
  if (typeof before !== 'number' || typeof after !== 'number') return ['–', null];
  const by = after - before, sure = Math.abs(by) >= 2 * Math.hypot(beforeError || 0, afterError || 0) && by !== 0;
  return [`${before.toFixed(3)} → ${after.toFixed(3)} ${sure ? by > 0 ? '▲' : '▼' : '='}`, sure ? by > 0 ? 'up' : 'down' : null];
}

const stateOf = run => run.finished ? 'finished' : `step ${run.steps}${run.stepsTotal ? ` of ${run.stepsTotal}` : ''}`;
const lastOf = (r, name) => { const one = seriesOf(r, name); return one ? one.v[one.v.length - 1] : null; };

function ranking() {
  const rows = runs.map((run, r) => {
    const v = run.validation, last = v.steps.length - 1;
    return el('tr', { 'data-run': run.label }, el('td', null, run.rank === null ? '–' : String(run.rank)),
      el('th', { scope: 'row' }, several ? el('span', { class: 'nowrap' }, swatch({ colour: r }), ' ') : null, run.label),
      textCell(run.method === null ? null : run.mode === 'reference' ? `${run.method} (reference)` : run.method), cell(run.seed), textCell(stateOf(run)),
      cell(run.worstGain, signed(run.worstGain)),
      objectives.map((_, j) => { const [text, kind] = last < 1 ? ['–', null] : moveText(v.mean[0][j], v.mean[last][j], v.error[0][j], v.error[last][j]); return el('td', { class: `nowrap ${kind || ''}`, 'data-value': last < 1 || v.mean[last][j] === null ? null : String(v.mean[last][j]), 'data-before': last < 1 || v.mean[0][j] === null ? null : String(v.mean[0][j]) }, text); }),
      cell(lastOf(r, 'validation/hypervolume')), cell(run.interference.measured > 0 ? run.interference.eventSteps / run.interference.measured : null, run.interference.measured > 0 ? percent(run.interference.eventSteps / run.interference.measured) : '–'),
      cell(lastOf(r, 'response/length/mean')), cell(run.time.seconds > 0 ? run.time.seconds : null, run.time.seconds > 0 ? duration(run.time.seconds) : '–'));
  });
  return table(several ? 'Runs, the best first: ranked by the held-out change of the objective that gained least' : 'What came of it on held-out prompts, first validation → last', ['#', 'run', 'method', 'seed', 'state', 'worst gain', ...objectives, 'hypervolume', 'interference', 'length', 'time'], rows, { id: 'ranking', class: 'ranking', text: [1, 2, 4], open: true });
}

const withError = (mean, error) => typeof mean === 'number' ? el('span', { class: 'nowrap' }, `${mean.toFixed(3)}${typeof error === 'number' ? ` ± ${error.toFixed(3)}` : ''}`) : '–';

function closing() {
  const rows = runs.flatMap(run => run.summary === null ? [] : (run.summary.objectives || []).map(one => el('tr', null, el('th', { scope: 'row' }, several ? run.label : one.name), several ? textCell(one.name) : null,
    cell(one.before, withError(one.before, one.beforeSe)), cell(one.after, withError(one.after, one.afterSe)),
    el('td', { class: one.verdict === 'rose' ? 'up' : one.verdict === 'fell' ? 'down' : null }, typeof one.after === 'number' ? signed(one.after - one.before) : '–'), textCell(one.verdict))));
  return rows.length === 0 ? null : el('details', { open: !several, class: 'print-open' }, el('summary', null, 'Closing measurement on the test prompts'),
    table('Before the first step of reinforcement learning and after the last, mean ± standard error', [several ? 'run' : 'objective', ...(several ? ['objective'] : []), 'before', 'after', 'change', 'verdict'], rows, { id: 'closing', open: true, text: several ? [1, 5] : [4] }));
}

function themeButton() {
  const kinds = ['auto', 'light', 'dark'], key = 'ctwa-report-theme';
  let at = 'auto';
  try { at = localStorage.getItem(key) || 'auto'; } catch { /* A page opened from a file may have no storage. */ }
  const button = el('button', { type: 'button' });
  const show = () => {
    if (at === 'auto') document.documentElement.removeAttribute('data-theme'); else document.documentElement.setAttribute('data-theme', at);
    button.textContent = `Colours: ${at}`;
    button.setAttribute('aria-label', `Colours: ${at}. Press for ${kinds[(kinds.indexOf(at) + 1) % 3]}.`);
  };
  button.addEventListener('click', () => {
    at = kinds[(kinds.indexOf(at) + 1) % 3];
    try { localStorage.setItem(key, at); } catch { /* See above. */ }
    show();
  });
  show();
  return button;
}

function stepRange() {
  const field = (label, name) => {
    const input = el('input', { type: 'number', min: '0', step: '1', placeholder: name === 'from' ? 'first' : 'last', on: { change: () => { view[name] = input.value === '' ? null : Number(input.value); changed(); } } });
    return el('label', null, label, input);
  };
  return [field('Steps from', 'from'), field('to', 'to')];
}

function head() {
  const one = runs[0];
  document.getElementById('top').append(
    el('h1', null, several ? `${runs.length} runs` : one.label),
    el('p', { class: 'meta' }, several ? `Objectives: ${objectives.join(', ') || 'none'}. ` : [one.method ? `${one.method}${one.mode === 'reference' ? ' (reference mode)' : ''}, ` : '', one.seed === null ? '' : `seed ${one.seed}, `, `${stateOf(one)}. `, objectives.length ? `Objectives: ${objectives.join(', ')}. ` : 'Supervised only. '], `Made ${data.generated} by ${data.tool}.`),
    el('p', { class: 'verdict' }, several ? rankText() : verdictOf(one)),
    el('div', { class: 'controls' }, themeButton(), stepRange(), several ? el('button', { type: 'button', on: { click: () => { view.hidden.clear(); pressed(); changed(); } } }, 'Show all runs') : null));
  if (several) document.getElementById('top').append(el('ul', { class: 'runs', 'aria-label': 'Runs; press to hide or show' }, runs.map((run, r) => {
    const button = el('button', { type: 'button', 'aria-pressed': 'true', 'data-run-button': String(r), on: { click: () => { if (view.hidden.has(r)) view.hidden.delete(r); else view.hidden.add(r); pressed(); changed(); } } }, swatch({ colour: r }), run.label);
    return el('li', null, button);
  })));
}

const pressed = () => { for (const button of document.querySelectorAll('[data-run-button]')) button.setAttribute('aria-pressed', String(!view.hidden.has(Number(button.dataset.runButton)))); };

function rankText() {
  const ranked = runs.filter(run => run.rank !== null);
  if (ranked.length === 0) return 'None of the runs has two validations yet to rank it by.';
  return `Ranked by the objective that gained least: ${ranked[0].label} comes first (${signed(ranked[0].worstGain)})${ranked.length > 1 ? `, ${ranked[ranked.length - 1].label} last (${signed(ranked[ranked.length - 1].worstGain)})` : ''}.`;
}

function overview() {
  const body = section('overview', 'What came of it');
  for (const run of runs) for (const note of run.notes) body.append(el('p', { class: 'note' }, several ? `${run.label}: ` : '', note));
  if (objectives.length === 0) { body.append(absent('A supervised run has no objectives: its loss is below.')); return; }
  body.append(ranking(), help('▲ rose, ▼ fell by two standard errors of the difference or more; = neither. Worst gain: change of the objective that gained least. Interference: share of the measured steps in which an objective fell by more than two standard errors on the step’s own answers while the training signal rose. Time: of the steps of reinforcement learning.'));
  const end = closing();
  if (end) body.append(end);
  const paid = runs.flatMap(run => ((run.summary || {}).interference || []).map(pair => el('li', null, several ? `${run.label}: ` : '', el('b', null, `${pair.payer} paid for ${pair.gainer}`), typeof pair.payerDelta === 'number' ? `: ${signed(pair.payerDelta)} against ${signed(pair.gainerDelta)}. ` : '. ', pair.text || '')));
  if (paid.length > 0) body.append(el('details', { open: paid.length < 8, class: 'print-open' }, el('summary', null, 'Who paid for whom at the end'), el('ul', null, paid)));
}
