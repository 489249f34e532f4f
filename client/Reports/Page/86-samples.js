// Answers then and now, with the words that are new.
function words(text) { return text.split(/(\s+)/).filter(part => part !== ''); }

// The longest common subsequence tells which words of the second text are new; long texts are shown without marks.
function marked(before, after) {
  const a = words(before), b = words(after);
  if (a.length * b.length > 250000 || a.length === 0) return [after];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
  const parts = [];
  for (let i = 0, j = 0; j < b.length;) {
    if (i < a.length && a[i] === b[j]) { parts.push(b[j]); i++; j++; }
    else if (i < a.length && lengths[i + 1][j] >= lengths[i][j + 1]) i++;
    else { parts.push(/\s/.test(b[j]) ? b[j] : el('mark', null, b[j])); j++; }
  }
  return parts;
}

function scoreLine(sample) {
  return el('p', { class: 'help' }, `step ${sample.step}: `, objectives.map((name, j) => [j > 0 ? ', ' : '', name, ' ', el('b', null, fmt(sample.scores[j]))]), sample.dropped ? ' (dropped: a reward failed)' : '');
}

function sampleSection() {
  const body = section('samples', 'Completions that changed most');
  runPicker(body, (place, run) => {
    const s = run.samples;
    if (s.kind === 'none') { place.append(absent('The run directory holds no samples (schedule.samples_every or samples_kept is 0, or no step was due yet).')); return; }
    if (s.kind === 'unchanged') { place.append(absent(`None: every one of the ${s.source} has the same completion and scores in the first and the last file.`)); return; }
    place.append(help(s.kind === 'same' ? `First and last completion of ${s.source}: those whose scores moved most, then those whose words did. Marked: words that are new.` : 'No prompt was written twice (runs of earlier builds did not keep answers to held-out prompts), so answers cannot be compared; these are the first of the earliest and of the latest file.'));
    for (const pair of s.pairs) {
      place.append(el('article', { class: 'sample' }, el('h4', null, 'Prompt'), el('pre', null, pair.before.prompt), pair.before.truth ? el('p', { class: 'help' }, 'Expected: ', el('code', null, pair.before.truth)) : null,
        el('div', { class: 'sides' }, el('div', null, el('h4', null, pair.after ? 'Before' : 'Completion'), el('pre', null, pair.before.response), scoreLine(pair.before)),
          pair.after ? el('div', null, el('h4', null, 'After'), el('pre', null, marked(pair.before.response, pair.after.response)), scoreLine(pair.after)) : null)));
    }
  });
}
