namespace Ctwa.Training.Steps;

/// <summary>A half-open range of prompt indices within a step.</summary>
public readonly record struct PromptRange(int Start, int End)
{
    /// <summary>Number of prompts.</summary>
    public int Count => End - Start;
}

/// <summary>
/// Division of a step's prompts over updates and shards: a function of the job alone (invariant I1). Prompt indices
/// 0..N-1 are cut into K updates of equal size; within an update every shard owns a contiguous part, sizes
/// differing by at most one. All samples of a prompt stay together (invariant I4).
/// </summary>
/// <param name="Prompts">Prompts of the step, N.</param>
/// <param name="PromptsPerUpdate">Divides N.</param>
/// <param name="Shards">Logical shards, S.</param>
public sealed record StepPlan(int Prompts, int PromptsPerUpdate, int Shards)
{
    /// <summary>Updates per pass over the rollouts, K.</summary>
    public int Updates => Prompts / PromptsPerUpdate;

    /// <summary>The prompts of one update that one shard owns; may be empty.</summary>
    public PromptRange Part(int update, int shard)
    {
        int start = update * PromptsPerUpdate;
        return new PromptRange(
            start + (int)((long)PromptsPerUpdate * shard / Shards),
            start + (int)((long)PromptsPerUpdate * (shard + 1) / Shards));
    }

    /// <summary>All prompts of a shard, in update order.</summary>
    public IEnumerable<int> PromptsOf(int shard)
    {
        for (int update = 0; update < Updates; update++)
        {
            var part = Part(update, shard);
            for (int prompt = part.Start; prompt < part.End; prompt++) { yield return prompt; }
        }
    }

    /// <summary>The plan of held-out measurements and supervised batches: one pass, no updates within.</summary>
    public static StepPlan Single(int prompts, int shards) => new(prompts, Math.Max(prompts, 1), shards);
}
