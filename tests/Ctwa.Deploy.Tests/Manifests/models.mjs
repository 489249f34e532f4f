// Validates rendered manifests with npm's kubernetes-models, compiled from Kubernetes' OpenAPI: node models.mjs FILE...
// Prints one line per object that is wrong; kinds that it does not know are counted, not judged.
import fs from 'node:fs';
import * as yaml from 'js-yaml';

let judged = 0, unknown = 0, wrong = 0;
for (const file of process.argv.slice(2)) {
  for (const document of yaml.loadAll(fs.readFileSync(file, 'utf8'))) {
    if (!document) { continue; }
    let type;
    try { type = (await import(`kubernetes-models/${document.apiVersion}/${document.kind}`))[document.kind]; }
    catch { unknown++; continue; }
    judged++;
    try { new type(document).validate(); }
    catch (error) { wrong++; console.log(`${document.kind} ${document.metadata?.name}: ${String(error.message).slice(0, 400)}`); }
  }
}
console.log(`${judged} judged, ${unknown} unknown, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
