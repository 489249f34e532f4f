// The page, from top to bottom.
head();
overview();
if (objectives.length > 0) {
  objectiveSection();
  weightSection();
  covarianceSection();
  interferenceSection();
  predictionSection();
  paretoSection();
}
if (objectives.length > 0) { updateSection(); sampleSection(); }
supervisedSection();
if (objectives.length > 0) timeSection();
faultSection();
if (objectives.length > 0) explorer();
jobSection();
document.getElementById('contents').append(el('ul', null, [...document.querySelectorAll('h2[id]')].map(h => el('li', null, el('a', { href: `#${h.id}` }, h.textContent)))));
const thinned = runs.filter(run => run.rl.thinned !== null || run.supervised.thinned !== null);
document.getElementById('foot').append(
  el('p', null, thinned.length > 0 ? `Long series are drawn with fewer points: of each stretch of steps the first, lowest, highest and last stay, as they are (at most ${thinned[0].rl.thinned || thinned[0].supervised.thinned} points a series). Tables show some of those; ctwa report --csv writes every number.` : 'Every number of the runs is in this page as it stands in metrics.jsonl.'),
  el('p', null, 'Read from: ', runs.slice(0, 12).map((run, r) => [r > 0 ? ', ' : '', el('code', null, run.path)]), runs.length > 12 ? ` and ${runs.length - 12} more.` : '.'));
startDrawing();
// "#tables" unfolds every data table: for reading aloud, copying and tests.
if (location.hash === '#tables') for (const details of document.querySelectorAll('details')) { details.open = true; details.dispatchEvent(new Event('toggle')); }
let closed = [];
addEventListener('beforeprint', () => { closed = [...document.querySelectorAll('details.print-open:not([open])')]; for (const details of closed) details.open = true; });
addEventListener('afterprint', () => { for (const details of closed) details.open = false; });
