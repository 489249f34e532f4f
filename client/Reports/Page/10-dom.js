// The data, and how elements are made. Texts only ever become text nodes or attribute values.
const data = JSON.parse(document.getElementById('report-data').textContent);
const objectives = data.objectives, runs = data.runs, several = runs.length > 1;
const spaceOf = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') { for (const [event, call] of Object.entries(value)) node.addEventListener(event, call); }
    else if (name === 'css') { for (const [property, text] of Object.entries(value)) node.style.setProperty(property, text); }
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => fill(document.createElementNS(spaceOf, name), attributes, children);
const say = text => { document.getElementById('live').textContent = text; };

// What the reader has chosen, and who must draw again when it changes.
const view = { hidden: new Set(), from: null, to: null, run: 0, redraw: [] };
const changed = () => {
  // Figures of a run that is no longer chosen are gone from the page.
  view.redraw = view.redraw.filter(draw => !draw.node || draw.node.isConnected);
  for (const draw of view.redraw) draw();
};
const shows = run => run === null || run === undefined || !view.hidden.has(run);
