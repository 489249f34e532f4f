using Ctwa.Grains.Abstractions;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>What one wants to know first.</summary>
internal static class StatusOverview
{
    public static void Write(Html html, GridStatus status)
    {
        foreach (string problem in status.Problems) { html.Add($"""<p class="problem" role="alert">{problem}</p>"""); }
        int active = status.Silos.Count(silo => silo.State == SiloCondition.Active), others = status.Silos.Count - active;
        int running = status.Jobs.Count(job => job.Record.IsActive), waiting = status.Jobs.Count(job => job.Record.State is JobState.Queued or JobState.Paused);
        int lanes = status.Silos.Where(silo => silo.State == SiloCondition.Active && silo.Computes).Sum(silo => silo.Lanes);
        html.Add($"""<dl class="tiles">""");
        Tile(html, "silos", active, others == 0 ? "all active" : $"{others} coming, leaving or silent");
        Tile(html, "lanes", lanes, "compute at a time");
        Tile(html, "jobs", running, $"run; at most {status.Quota} at a time");
        Tile(html, "waiting", waiting, "queued or paused");
        Tile(html, "warnings", status.Faults.Count, "of the jobs below");
        html.Add($"""</dl>""");
    }

    private static void Tile(Html html, string name, int number, string note) =>
        html.Add($"""<div><dt>{name}</dt><dd><strong>{number}</strong> <span>{note}</span></dd></div>""").Add($"\n");
}
