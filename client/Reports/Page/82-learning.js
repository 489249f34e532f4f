// Objectives, weights, covariances, and the health of the updates.
function objectiveSection() {
  const body = section('objectives', 'Objectives', help('Thin: mean score of each step’s own samples. Thick with dots: mean on held-out prompts, with standard errors.'));
  const host = grid(body);
  objectives.forEach((name, j) => {
    const series = [], marks = [], targets = [];
    runs.forEach((run, r) => {
      const training = seriesOf(r, `objective/${name}/mean`), v = run.validation;
      const base = { run: several ? r : null };
      if (training) series.push({ ...base, name: several ? `${run.label}, training` : 'training', colour: several ? r : 0, thin: true, ...training });
      const kept = v.steps.map((_, i) => i).filter(i => v.mean[i][j] !== null);
      if (kept.length > 0) series.push({ ...base, name: several ? `${run.label}, held out` : 'held out', colour: several ? r : 1, dots: true, s: kept.map(i => v.steps[i]), v: kept.map(i => v.mean[i][j]), e: kept.map(i => v.error[i][j]) });
      if (!several) for (const [step, loser, winner] of run.interference.events) if (loser === j) marks.push({ step, text: `step ${step}: ${name} fell, ${objectives[winner]} gained most` });
      if (run.targets.score && run.targets.score[j] !== null) targets.push({ run: several ? r : null, y: run.targets.score[j], label: several ? `${run.label}: ${run.targets.scoreMetric}` : run.targets.scoreMetric, colour: several ? r : undefined });
    });
    if (series.length === 0) host.append(el('figure', null, el('figcaption', null, el('h3', null, name)), absent(`Neither training nor held-out scores. ${why('objective')}`)));
    else lineFigure(host, { id: `objective-${j}`, title: name, series, marks: marks.length > 150 ? [] : marks, targets: targets.slice(0, 4), help: marks.length > 150 ? `${marks.length} interference events, too many to mark.` : null });
  });
}

function weightSection() {
  const body = section('weights', 'Weights', help('What each objective counts in the training signal of a step. Methods that solve for gradients show the coefficients of their combination.'));
  const host = grid(body);
  perObjective(host, { id: 'weight', title: several ? 'Weight' : 'Weights', metric: name => `weight/${name}`, zero: true });
  metricFigure(host, { id: 'weights-entropy', metric: 'weights/entropy', title: 'Entropy of the weights', name: 'entropy', help: `In nats: 0 with all weight on one objective, ${fmt(Math.log(Math.max(1, objectives.length)))} with equal ones.`, zero: true });
}

function covarianceSection() {
  const body = section('covariance', 'Covariance with the training signal', help('The covariance law: to first order a step moves an objective by its within-prompt covariance with the signal. Below 0 the signal works against the objective; near 0 the objective is not learned, whatever its weight.'));
  const host = grid(body);
  objectives.forEach((name, j) => {
    const error = r => seriesOf(r, `covariance/standard_error/${name}`);
    const base = seriesOf(0, `covariance/${name}`);
    if (!several && base) {
      const e = error(0), same = e && e.s.length === base.s.length && e.s.every((step, i) => step === base.s[i]);
      const series = [{ name: 'covariance', colour: 0, ...base, e: same ? e.v : null, band: Boolean(same) }];
      lineFigure(host, { id: `covariance-${j}`, title: `Covariance: ${name}`, series, zero: true, help: same ? 'Band: two standard errors over the prompts.' : null });
    } else metricFigure(host, { id: `covariance-${j}`, metric: `covariance/${name}`, title: `Covariance: ${name}`, zero: true });
  });
  const aiming = all().filter(r => runs[r].targets.metric);
  body.append(el('h3', null, 'Compared with their targets'));
  if (aiming.length === 0) { body.append(absent(`${several ? 'The methods of these runs have' : `The method ${runs[0].method || 'of this run'} has`} no covariance targets; only ctwa does (scalarizer.targets).`)); return; }
  const metrics = [...new Set(aiming.map(r => runs[r].targets.metric))];
  const words = { correlation_ema: 'moving average of the correlation', covariance_ema: 'moving average of the covariance', correlation_balanced: 'correlation that the solved weights give every objective; without targets they are made equal, in the proportions of the job’s weights' };
  body.append(help(metrics.map(metric => `${metric}: ${words[metric]}.`).join(' ') + ' Dashed: the target.'));
  const compared = grid(body);
  objectives.forEach((name, j) => {
    const series = [], targets = [];
    for (const r of aiming) {
      const one = seriesOf(r, `${runs[r].targets.metric}/${name}`), aim = runs[r].targets.covariance;
      if (one) series.push({ name: several ? runs[r].label : runs[r].targets.metric, run: several ? r : null, colour: several ? r : 0, ...one });
      if (aim && aim[j] !== null) targets.push({ run: several ? r : null, y: aim[j], label: several ? `target of ${runs[r].label}` : `target ${fmt(aim[j])}`, colour: several ? r : undefined });
    }
    if (series.length > 0) lineFigure(compared, { id: `target-${j}`, title: targets.length > 0 ? `${name} against its target` : `${name}: ${metrics.join(', ')}`, series, targets: targets.slice(0, 6), zero: true, help: targets.length === 0 ? 'No target: the weights are solved for in each step.' : null });
  });
}

function supervisedSection() {
  if (objectives.length > 0 && !all().some(r => seriesOf(r, 'loss/supervised', 'supervised'))) return;
  const host = grid(section('supervision', 'Supervised stage'));
  const stage = { stage: 'supervised', why: 'The run has no supervised stage.' };
  metricFigure(host, { ...stage, id: 'supervised', metric: 'loss/supervised', title: 'Loss (nats per response token)', name: 'loss/supervised' });
  metricFigure(host, { ...stage, id: 'supervised-gradient', metric: 'gradient/norm', title: 'Norm of the gradient', name: 'gradient/norm', zero: true });
}

function updateSection() {
  const body = section('updates', 'Length, divergence, clipping', help('Whether an objective was bought with longer answers, and whether the updates stay within what the loss assumes.'));
  const host = grid(body);
  const lengths = runs.flatMap((run, r) => { const one = seriesOf(r, 'validation/response/length/mean'); return one ? [{ name: several ? `${run.label}, held out` : 'held out', run: several ? r : null, colour: several ? r : 1, dots: true, ...one }] : []; });
  metricFigure(host, { id: 'length', metric: 'response/length/mean', title: 'Response length (tokens)', name: 'training', thin: true, more: lengths });
  metricFigure(host, { id: 'kl', metric: 'policy/kl', title: 'KL divergence of a step’s updates (nats)', name: 'policy/kl', zero: true });
  metricFigure(host, { id: 'kl-reference', metric: 'policy/kl_reference', title: 'KL divergence from the reference policy (nats)', name: 'policy/kl_reference', zero: true, help: '0 in jobs without a KL term (loss.kl.coefficient: 0).' });
  metricFigure(host, { id: 'clip', metric: 'policy/clip_fraction', title: 'Clip fraction', name: 'policy/clip_fraction', zero: true, help: 'Share of the tokens whose probability ratio was clipped.' });
  metricFigure(host, { id: 'gradient', metric: 'gradient/norm', title: 'Norm of the combined gradient', name: 'gradient/norm', zero: true });
  metricFigure(host, { id: 'stopped', metric: 'response/stopped_fraction', title: 'Answers that ended by themselves', name: 'response/stopped_fraction', help: 'The others ran into rollout.max_new_tokens.' });
}
