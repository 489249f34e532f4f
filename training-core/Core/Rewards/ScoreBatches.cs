namespace Ctwa.Training.Rewards;

/// <summary>
/// How completions are cut into calls to a reward: a function of the texts alone, so that grid and local trainer group alike
/// and a grain message stays below 64 KB, unless a single text is longer.
/// </summary>
public static class ScoreBatches
{
    private const int MaxBytes = 32 * 1024;

    // Replies travel in messages too: this many failures of a few hundred characters fit.
    private const int MaxItems = 100;

    /// <summary>Ranges of consecutive completions.</summary>
    public static IReadOnlyList<Range> Cut(IReadOnlyList<ScoredCompletion> completions)
    {
        var parts = new List<Range>();
        for (int first = 0; first < completions.Count;)
        {
            int count = 0;
            for (int bytes = 0; first + count < completions.Count && count < MaxItems; count++)
            {
                var item = completions[first + count];
                bytes += 2 * (item.Prompt.Length + item.Response.Length + item.GroundTruth.Length);
                if (count > 0 && bytes > MaxBytes) { break; }
            }

            parts.Add(first..(first + count));
            first += count;
        }

        return parts;
    }
}
