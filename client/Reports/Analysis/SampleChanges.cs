using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>The completions that changed most: of the prompts that samples/ has at two times, those whose scores moved most, then those whose text did.</summary>
internal static class SampleChanges
{
    private const int MostPairs = 6;
    private const int LongestText = 2400;
    private const int MostFiles = 40;

    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SampleData Of(string folder, IReadOnlyList<string> objectives)
    {
        string samples = Path.Combine(folder, "samples");
        if (!Directory.Exists(samples)) { return new SampleData("none", null, []); }
        string[] Files(string prefix) => [.. Directory.GetFiles(samples, prefix + "*.jsonl").Order(StringComparer.Ordinal)];
        string[] heldOut = Files("validation-"), training = Files("step-");
        if (Pairs(heldOut, objectives) is { } same) { return new SampleData(same.Count > 0 ? "same" : "unchanged", "held-out prompts", same); }
        if (Pairs(training, objectives) is { } recurring) { return new SampleData(recurring.Count > 0 ? "same" : "unchanged", "training prompts that came up twice", recurring); }
        string[] files = training.Length > 0 ? training : heldOut;
        if (files.Length == 0) { return new SampleData("none", null, []); }
        var ends = files.Length == 1 ? [files[0]] : (string[])[files[0], files[^1]];
        return new SampleData("different", "training prompts of the first and the last file", [.. ends.SelectMany(file => RunSample.ReadFile(file).Take(3)).Select(one => new SamplePair(Text(one, objectives), null, 0))]);
    }

    /// <returns>Null: no prompt is there twice. Empty: none of those that are changed.</returns>
    private static List<SamplePair>? Pairs(string[] files, IReadOnlyList<string> objectives)
    {
        // Earliest and latest completion of each prompt; a file in between only matters if prompts recur seldom.
        var first = new Dictionary<string, RunSample>(StringComparer.Ordinal);
        var last = new Dictionary<string, RunSample>(StringComparer.Ordinal);
        foreach (string file in Thinning.Spread(files.Length, MostFiles).Select(i => files[i]))
        {
            foreach (var sample in RunSample.ReadFile(file))
            {
                if (!first.TryAdd(sample.Prompt, sample) && sample.Step > first[sample.Prompt].Step && (!last.TryGetValue(sample.Prompt, out var known) || sample.Step > known.Step)) { last[sample.Prompt] = sample; }
            }
        }

        if (last.Count == 0) { return null; }
        return [.. last
            .Select(entry => (Before: first[entry.Key], After: entry.Value))
            .Select(pair => (pair.Before, pair.After, Change: Change(pair.Before, pair.After, objectives), Same: CommonShare(pair.Before.Response, pair.After.Response)))
            .Where(pair => pair.Change > 0 || pair.Before.Response != pair.After.Response)
            .OrderByDescending(pair => pair.Change).ThenBy(pair => pair.Same).ThenBy(pair => pair.Before.Prompt, StringComparer.Ordinal)
            .Take(MostPairs)
            .Select(pair => new SamplePair(Text(pair.Before, objectives), Text(pair.After, objectives), pair.Change))];
    }

    private static double Change(RunSample before, RunSample after, IReadOnlyList<string> objectives) => objectives
        .Sum(name => before.Scores.TryGetValue(name, out double then) && after.Scores.TryGetValue(name, out double now) ? Math.Abs(now - then) : 0);

    /// <summary>Share of the words of the longer text that the other has too.</summary>
    private static double CommonShare(string one, string other)
    {
        string[] a = one.Split((char[]?)null, 600, StringSplitOptions.RemoveEmptyEntries), b = other.Split((char[]?)null, 600, StringSplitOptions.RemoveEmptyEntries);
        int longer = Math.Max(a.Length, b.Length);
        return longer == 0 ? 1 : (double)a.Intersect(b, StringComparer.Ordinal).Count() / longer;
    }

    private static SampleText Text(RunSample sample, IReadOnlyList<string> objectives) => new(
        sample.Step, BoundedText.Shorten(sample.Prompt, LongestText), BoundedText.Shorten(sample.Response, LongestText), sample.Truth is null ? null : BoundedText.Shorten(sample.Truth, LongestText),
        [.. objectives.Select(name => sample.Scores.TryGetValue(name, out double score) && double.IsFinite(score) ? score : (double?)null)], sample.Dropped);
}
