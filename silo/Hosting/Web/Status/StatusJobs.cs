using System.Globalization;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>Jobs: those that run in full, the others as lines.</summary>
internal static class StatusJobs
{
    public static void Write(Html html, GridStatus status)
    {
        html.Add($"""<section aria-labelledby="jobs"><h2 id="jobs">Jobs</h2>""").Add($"\n");
        var active = status.Jobs.Where(job => job.Record.IsActive).ToArray();
        if (active.Length == 0) { html.Add($"""<p class="none">No job runs.</p>"""); }
        foreach (var (i, job) in active.Index()) { WriteActive(html, job, i); }
        var others = status.Jobs.Where(job => !job.Record.IsActive).ToArray();
        if (others.Length > 0) { WriteOthers(html, others); }
        if (status.JobsHidden > 0) { html.Add($"""<p class="none">{status.JobsHidden} more jobs: <code>ctwa jobs</code> lists them.</p>"""); }
        html.Add($"""</section>""").Add($"\n");
    }

    private static void WriteActive(Html html, JobView job, int number)
    {
        var record = job.Record;
        html.Add($"""<article class="job" aria-labelledby="job-{number}"><h3 id="job-{number}"><bdi>{record.JobId}</bdi> {Badge(record)}</h3>""").Add($"\n");
        if (record is { Position: { } at, StepsTotal: { } total and > 0 })
        {
            html.Add($"""<p class="progress"><progress value="{Math.Clamp(at.Step, 0, total)}" max="{total}" aria-label="steps done">{at.Step} of {total}</progress> <span>{(at.Supervised ? "supervised " : "")}step <strong>{at.Step}</strong> of {total}{Left(job, total - at.Step)}</span></p>""").Add($"\n");
        }

        html.Add($"""<dl class="facts">""");
        Fact(html, "by", record.SubmittedBy);
        Fact(html, "priority", record.Priority.ToString(CultureInfo.InvariantCulture));
        Fact(html, "epoch", record.Epoch.ToString(CultureInfo.InvariantCulture));
        Fact(html, "restarts", record.Restarts.ToString(CultureInfo.InvariantCulture));
        if (job.Steps.Count > 0)
        {
            html.Add($"""<div><dt>step time</dt><dd>{Figures.Exact(job.Steps[^1].Seconds)} s</dd></div><div><dt>tokens/s</dt><dd>{Figures.Exact(job.Steps[^1].TokensPerSecond)}</dd></div>""");
        }

        if (job.Activity is { Phase.Length: > 0 } activity) { Fact(html, "now", Phase(activity)); }
        html.Add($"""</dl>""").Add($"\n");
        if (record.Failure is { } failure) { html.Add($"""<p class="problem">started again after: {failure.Message}</p>"""); }
        WriteObjectives(html, job, number);
        WriteInterference(html, job);
        WriteMembers(html, job.Activity, number);
        html.Add($"""</article>""").Add($"\n");
    }

    private static void WriteObjectives(Html html, JobView job, int number)
    {
        var series = ObjectiveSeries.Of(job.Steps).ToArray();
        if (series.Length == 0) { return; }
        string what = job.Steps[^1].Position.Supervised ? "loss of the supervised stage" : "mean scores of the training steps";
        html.Add($"""<div class="scroll" tabindex="0" id="objectives-{number}" role="group" aria-label="objectives of {job.Record.JobId}"><table><caption>{what}</caption><thead><tr><th scope="col">objective</th><th scope="col" class="number">mean</th><th scope="col" class="number">weight</th><th scope="col">trend</th></tr></thead><tbody>""");
        foreach (var objective in series)
        {
            html.Add($"""<tr><th scope="row"><bdi>{objective.Name}</bdi></th><td class="number">{Figures.Exact(objective.Mean)}</td><td class="number">{Figures.Exact(objective.Weight)}</td><td>{Sparkline.Of(objective.Name, objective.Points)}</td></tr>""").Add($"\n");
        }

        html.Add($"""</tbody></table></div>""").Add($"\n");
    }

    private static void WriteInterference(Html html, JobView job)
    {
        if (job.Interference.Count == 0) { return; }
        html.Add($"""<h4>Interference</h4><ul class="events">""");
        foreach (var step in job.Interference.Reverse())
        {
            string who = step.Pairs.Count > 0
                ? string.Join("; ", step.Pairs.Select(pair => $"{pair.Payer} fell, {pair.Gainer} gained most"))
                : "an objective fell while the signal rose";
            html.Add($"""<li>step {step.Position.Step}: {who}</li>""");
        }

        html.Add($"""</ul>""").Add($"\n");
    }

    private static void WriteMembers(Html html, JobActivity? activity, int number)
    {
        if (activity is null || activity.Members.IsDefaultOrEmpty) { return; }
        html.Add($"""<div class="scroll" tabindex="0" id="members-{number}" role="group" aria-label="who computes"><table><caption>who computes</caption><thead><tr><th scope="col">silo</th><th scope="col">device</th><th scope="col" class="number">lanes</th><th scope="col" class="number">shards</th><th scope="col" class="number">slices</th></tr></thead><tbody>""");
        foreach (var member in activity.Members)
        {
            html.Add($"""<tr><th scope="row"><bdi>{member.Silo}</bdi></th><td>{member.Device}</td><td class="number">{member.Lanes}</td><td class="number">{member.Shards}</td><td class="number">{member.Slices}</td></tr>""").Add($"\n");
        }

        html.Add($"""</tbody></table></div>""").Add($"\n");
        if (activity.MemberCount > activity.Members.Length) { html.Add($"""<p class="none">and {activity.MemberCount - activity.Members.Length} more silos</p>"""); }
    }

    private static void WriteOthers(Html html, IReadOnlyList<JobView> jobs)
    {
        html.Add($"""<div class="scroll" tabindex="0" id="others" role="group" aria-label="waiting and ended jobs"><table role="table"><caption>waiting and ended</caption><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">job</th><th role="columnheader" scope="col">state</th><th role="columnheader" scope="col">step</th><th role="columnheader" scope="col">last means</th><th role="columnheader" scope="col">by</th><th role="columnheader" scope="col">ended</th></tr></thead><tbody role="rowgroup">""");
        foreach (var job in jobs)
        {
            var record = job.Record;
            html.Add($"""<tr role="row"><th role="rowheader" scope="row"><bdi>{record.JobId}</bdi></th><td role="cell" data-name="state">{Badge(record)}</td><td role="cell" data-name="step">{Step(record)}</td><td role="cell" data-name="last means">{Means(job)}</td><td role="cell" data-name="by">{record.SubmittedBy}</td><td role="cell" data-name="ended">{Figures.Moment(record.EndedAt)}</td></tr>""").Add($"\n");
            if (record is { HasEnded: true, Failure: { } failure }) { html.Add($"""<tr role="row" class="why"><td role="cell" colspan="6">{failure.Message}</td></tr>""").Add($"\n"); }
        }

        html.Add($"""</tbody></table></div>""").Add($"\n");
    }

    private static Html Means(JobView job)
    {
        var means = new Html();
        foreach (var objective in ObjectiveSeries.Of(job.Steps)) { means.Add($"""<span class="mean"><bdi>{objective.Name}</bdi> {Figures.Exact(objective.Mean)}</span> """); }
        return means;
    }

    private static Html Badge(JobRecord record)
    {
        string word = record.State.ToString().ToLowerInvariant();
        return new Html().Add($"""<span class="badge {word}">{word}</span>""");
    }

    private static string Step(JobRecord record) => record.Position is not { } at ? "–"
        : string.Create(CultureInfo.InvariantCulture, $"{(at.Supervised ? "supervised " : "")}{at.Step}{(record.StepsTotal is { } total ? $" of {total}" : "")}");

    private static string Phase(JobActivity activity) => string.Create(CultureInfo.InvariantCulture,
        $"{activity.Phase}{(activity.Parts > 0 ? $", {activity.Done} of {activity.Parts} shards" : "")}, for {Figures.Duration(TimeSpan.FromSeconds(activity.Seconds))}");

    /// <summary>From the last twenty steps' median time; validation every now and then must not rule it.</summary>
    private static string Left(JobView job, int steps)
    {
        double[] seconds = [.. job.Steps.TakeLast(20).Where(step => step.Seconds is not null).Select(step => step.Seconds!.Value.Value).Order()];
        return seconds.Length == 0 || steps <= 0 ? "" : $", about {Figures.Duration(TimeSpan.FromSeconds(seconds[seconds.Length / 2] * steps))} left in this stage";
    }

    private static void Fact(Html html, string name, string value) => html.Add($"""<div><dt>{name}</dt><dd>{value}</dd></div>""");
}
