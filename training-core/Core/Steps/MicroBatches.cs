using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>Division of a shard's sequences into forward passes: a function of the job and of the sequences' lengths only (invariant I1).</summary>
internal static class MicroBatches
{
    /// <summary>Indices of completions, one array per forward pass.</summary>
    public static int[][] Of(UpdateSpec update, IReadOnlyList<Completion> completions) =>
        Of([.. completions.Select(completion => completion.Prompt.Tokens.Length + completion.Tokens.Length - 1)], update.MicroBatchSize, update.MaxTokensPerMicroBatch);

    /// <summary>
    /// Contiguous runs of <paramref name="size"/> sequences; with a token budget, parts of nearly equal tokens of about the
    /// budget (Karmarkar and Karp). A sequence longer than the budget makes it larger.
    /// </summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    public static int[][] Of(int[] lengths, int size, int? maxTokens)
    {
        if (lengths.Length == 0) { return []; }
        return maxTokens is { } budget
            ? SequenceLengthBalancing.MicroBatches(lengths, Math.Max(budget, lengths.Max()), byWork: false)
            : [.. Enumerable.Range(0, lengths.Length).Chunk(size)];
    }
}
