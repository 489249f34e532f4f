using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>Who fell while the training signal rose, and who gained most in that step.</summary>
internal static class InterferenceEvents
{
    private const int MostEvents = 600;

    public static InterferenceData Of(StageMetrics metrics, IReadOnlyList<string> objectives)
    {
        int count = objectives.Count;
        int[][] counts = [.. Enumerable.Range(0, count).Select(_ => new int[count])];
        var events = new List<int[]>();
        for (int loser = 0; loser < count; loser++)
        {
            for (int winner = 0; winner < count; winner++)
            {
                if (metrics[$"interference/pair/{objectives[loser]}/{objectives[winner]}"] is not { } pair) { continue; }
                counts[loser][winner] = pair.Count;
                events.AddRange(pair.Steps.Select(step => (int[])[step, loser, winner]));
            }
        }

        var measured = metrics["interference/events"];
        return new InterferenceData(counts, [.. events.OrderBy(one => one[0]).ThenBy(one => one[1]).TakeLast(MostEvents)], measured?.Values.Count(value => value > 0) ?? 0, measured?.Count ?? 0);
    }
}
