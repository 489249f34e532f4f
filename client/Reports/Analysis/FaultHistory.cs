using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>What a run survived, from its faults.jsonl.</summary>
internal static class FaultHistory
{
    private const int MostEvents = 120;

    public static FaultData Of(RunRecord run)
    {
        var events = run.Faults ?? [];
        int Count(string kind) => events.Count(one => one.Kind == kind);
        double Sum(Func<string, bool> named) => run.Metrics.Rl.Names.Where(named).Sum(name => run.Metrics.Rl[name]!.Values.Sum());
        return new FaultData(run.Faults is not null, [.. events.TakeLast(MostEvents)], Math.Max(0, events.Count - MostEvents), Died(events),
            Count("resumed"), Count("continued"), Count("redone"), Count("rolled_back"), events.Sum(one => Math.Max(0, one.RedoSteps ?? 0)),
            Sum(name => name.StartsWith("reward/failures/", StringComparison.Ordinal)), Sum(name => name == "samples/dropped"));
    }

    /// <summary>A process that goes on where none said that it ended: the one before it was killed. One that rolled back goes on in the same process.</summary>
    private static int Died(IReadOnlyList<RunFault> events) => events.Index()
        .Count(one => one.Index > 0 && one.Item.Kind is "started" or "resumed" or "continued" && one.Index > 0 && events[one.Index - 1].Kind is not ("stopped" or "finished" or "failed" or "rolled_back"));
}
