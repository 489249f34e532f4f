using Ctwa.Grains.Abstractions;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>The grid's silos.</summary>
internal static class StatusSilos
{
    public static void Write(Html html, GridStatus status)
    {
        html.Add($"""<section aria-labelledby="silos"><h2 id="silos">Silos</h2><div class="scroll" tabindex="0" id="silo-table" role="group" aria-label="silos"><table role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">address</th><th role="columnheader" scope="col">state</th><th role="columnheader" scope="col">role</th><th role="columnheader" scope="col">device</th><th role="columnheader" scope="col" class="number">memory</th><th role="columnheader" scope="col" class="number">lanes</th><th role="columnheader" scope="col">computes for</th><th role="columnheader" scope="col">since</th><th role="columnheader" scope="col">version</th></tr></thead><tbody role="rowgroup">""").Add($"\n");
        foreach (var silo in status.Silos)
        {
            string state = silo.State.ToString().ToLowerInvariant();
            // Of one that does not answer, only address and state are known.
            bool known = silo.State is SiloCondition.Active or SiloCondition.Draining;
            html.Add($"""<tr role="row"><th role="rowheader" scope="row"><bdi>{silo.Address}</bdi></th><td role="cell" data-name="state"><span class="badge {state}">{state}</span></td><td role="cell" data-name="role">{(known ? silo.Computes ? "compute" : "control" : "–")}</td><td role="cell" data-name="device">{(known ? silo.Device : "–")}</td><td role="cell" data-name="memory" class="number">{Figures.Bytes(silo.MemoryBytes)}</td><td role="cell" data-name="lanes" class="number">{(known ? silo.Lanes : 0)}</td><td role="cell" data-name="computes for">{string.Join(", ", silo.Jobs)}</td><td role="cell" data-name="since">{Figures.Moment(silo.StartedAt)}</td><td role="cell" data-name="version">{silo.Version}</td></tr>""").Add($"\n");
        }

        html.Add($"""</tbody></table></div></section>""").Add($"\n");
    }
}
