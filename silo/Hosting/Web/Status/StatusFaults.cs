namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>What went wrong, newest first.</summary>
internal static class StatusFaults
{
    public static void Write(Html html, GridStatus status)
    {
        html.Add($"""<section aria-labelledby="faults"><h2 id="faults">Faults and warnings</h2>""");
        if (status.Faults.Count == 0) { html.Add($"""<p class="none">None.</p>"""); }
        else
        {
            html.Add($"""<ul class="events">""");
            foreach (var fault in status.Faults)
            {
                html.Add($"""<li class="{(fault.Error ? "error" : "warning")}">{Figures.Moment(fault.At)} <span class="who"><bdi>{fault.JobId}</bdi>, epoch {fault.Epoch}</span> <strong>{(fault.Error ? "error" : "warning")}</strong> {fault.Text}</li>""").Add($"\n");
            }

            html.Add($"""</ul>""");
        }

        html.Add($"""</section>""").Add($"\n");
    }
}
