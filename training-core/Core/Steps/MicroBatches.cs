using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>Division of a shard's sequences into forward passes: a function of the job and of the sequences' lengths only (invariant I1).</summary>
internal static class MicroBatches
{
    /// <summary>Indices of completions, one array per forward pass.</summary>
    /// <param name="halvings">Halves the size, and the token budget, so many times.</param>
    public static int[][] Of(UpdateSpec update, IReadOnlyList<Completion> completions, int halvings = 0) =>
        Of([.. completions.Select(completion => completion.Prompt.Tokens.Length + completion.Tokens.Length - 1)], update.MicroBatchSize, update.MaxTokensPerMicroBatch, halvings);

    /// <summary>
    /// Contiguous runs of <paramref name="size"/> sequences; with a token budget, parts of nearly equal tokens of about the
    /// budget (Karmarkar and Karp). A sequence longer than the budget makes it larger.
    /// </summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    public static int[][] Of(int[] lengths, int size, int? maxTokens, int halvings = 0)
    {
        if (lengths.Length == 0) { return []; }
        return maxTokens is { } budget
            ? SequenceLengthBalancing.MicroBatches(lengths, Math.Max(budget >> halvings, lengths.Max()), byWork: false)
            : [.. Enumerable.Range(0, lengths.Length).Chunk(Math.Max(1, size >> halvings))];
    }
}
